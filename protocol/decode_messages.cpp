#include "protocol/decode_messages.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace aiw {
namespace {

constexpr JsonSpan kNullJson{"null"};
constexpr JsonSpan kEmptyObject{"{}"};
constexpr JsonSpan kEmptyString{"\"\""};

// All fields of any kind of part, as found; `type` decides later which of them apply.
struct PartFields {
  std::string_view type;  // as written: known types contain nothing to escape
  RawString text, provider_state, media_type, data, url, file_id, filename;
  RawString tool_call_id, tool_name, input_text, state, error_text;
  JsonSpan input, output;
  CacheMark cache = CacheMark::none;
  // Provider metadata that a UI message built from our chunks keeps (protocol/encode_ui).
  RawString output_type;
  JsonSpan error_value, denied;
  bool shown_only = false;
};

// A part of a UI message that holds a tool call and, if present, its result.
struct UiToolPart {
  ToolCallPart call;
  std::optional<ToolResultPart> result;
};

JsonReader reader_of(JsonSpan span) {
  // The span was validated before, so the reader repairs nothing and does not write to the text.
  return {const_cast<char*>(span.json.data()), span.json.size(), 1 << 20};
}

void read_own_metadata(JsonReader& in, PartFields& part) {
  in.object([&](std::string_view key) {
    if (key == "providerState") {
      part.provider_state = in.raw_string();
    } else if (key == "inputText") {
      part.input_text = in.raw_string();
    } else if (key == "filename") {
      part.filename = in.raw_string();
    } else if (key == "outputType") {
      part.output_type = in.raw_string();
    } else if (key == "errorValue") {
      part.error_value = in.value();
    } else if (key == "denied") {
      part.denied = in.value();
    } else if (key == "shownOnly") {
      part.shown_only = in.boolean();
    } else {
      in.skip();
    }
  });
}

bool is_provider_metadata(std::string_view key) {
  return key == "providerMetadata" || key == "callProviderMetadata" || key == "resultProviderMetadata";
}

// Reads only the `aiWorker` member; the metadata of other providers is ignored.
void read_provider_metadata(JsonReader& in, PartFields& part) {
  if (in.type() != JsonType::object) return in.skip();
  in.object([&](std::string_view key) {
    if (key == "aiWorker") {
      read_own_metadata(in, part);
    } else {
      in.skip();
    }
  });
}

void read_part_field(JsonReader& in, std::string_view key, PartFields& part) {
  if (key == "type") {
    part.type = in.raw_string().raw;
  } else if (key == "text") {
    part.text = in.raw_string();
  } else if (key == "providerState") {
    part.provider_state = in.raw_string();
  } else if (key == "mediaType" || key == "mimeType") {
    part.media_type = in.raw_string();
  } else if (key == "data" || key == "image") {
    if (in.type() == JsonType::string) {
      part.data = in.raw_string();
    } else {
      in.skip();  // a data-* part of a UI message may hold any value
    }
  } else if (key == "url") {
    part.url = in.raw_string();
  } else if (key == "fileId") {
    part.file_id = in.raw_string();
  } else if (key == "filename") {
    part.filename = in.raw_string();
  } else if (key == "cache") {
    part.cache = read_cache_mark(in);
  } else if (key == "toolCallId") {
    part.tool_call_id = in.raw_string();
  } else if (key == "toolName") {
    part.tool_name = in.raw_string();
  } else if (key == "input") {
    part.input = in.value();
  } else if (key == "inputText") {
    part.input_text = in.raw_string();
  } else if (key == "output") {
    part.output = in.value();
  } else if (key == "state") {
    part.state = in.raw_string();
  } else if (key == "errorText") {
    part.error_text = in.raw_string();
  } else if (is_provider_metadata(key)) {
    read_provider_metadata(in, part);
  } else {
    in.skip();
  }
}

PartFields read_part_fields(JsonReader& in) {
  PartFields part;
  in.object([&](std::string_view key) { read_part_field(in, key, part); });
  return part;
}

// Splits "data:image/png;base64,AAAA". The slash of the media type may be written as "\/".
bool split_data_url(RawString url, MediaPart& media) {
  constexpr std::string_view kBase64 = ";base64,";
  if (!url.raw.starts_with("data:")) return false;
  const auto mark = url.raw.find(kBase64);
  if (mark == std::string_view::npos) return false;
  media.data = {url.raw.substr(mark + kBase64.size())};
  media.url = {};
  const std::string_view type = url.raw.substr(5, mark - 5);
  if (!type.empty()) media.media_type = {type.substr(0, type.find(';'))};
  return true;
}

MediaKind kind_of(std::string_view type, RawString media_type) {
  if (type == "audio" || media_type.raw.starts_with("audio")) return MediaKind::audio;
  if (type == "image" || media_type.raw.starts_with("image")) return MediaKind::image;
  return MediaKind::file;
}

MediaPart make_media(JsonReader& in, const PartFields& fields) {
  MediaPart media;
  media.media_type = fields.media_type;
  media.filename = fields.filename;
  media.provider_state = fields.provider_state;
  media.cache = fields.cache;
  const RawString source = fields.data.empty() ? fields.url : fields.data;
  if (source.empty() == fields.file_id.empty()) in.fail("a media part needs one of data, url and fileId");
  if (source.empty()) {
    media.file_id = fields.file_id;
  } else if (!split_data_url(source, media)) {
    const bool is_link = fields.data.empty() || source.raw.starts_with("http:") || source.raw.starts_with("https:");
    (is_link ? media.url : media.data) = source;
  }
  media.kind = kind_of(fields.type, media.media_type);
  return media;
}

ToolCallPart make_tool_call(JsonReader& in, const PartFields& fields) {
  if (fields.tool_call_id.empty() || fields.tool_name.empty()) in.fail("a tool call needs toolCallId and toolName");
  const JsonSpan input = fields.input.empty() ? kEmptyObject : fields.input;
  return {fields.tool_call_id, fields.tool_name, input, fields.input_text, fields.provider_state, fields.cache};
}

std::vector<Part> read_output_parts(JsonReader& in) {
  std::vector<Part> parts;
  in.array([&] {
    const PartFields fields = read_part_fields(in);
    if (fields.type == "text") {
      parts.emplace_back(TextPart{fields.text});
    } else if (fields.type == "provider") {
      parts.emplace_back(ProviderPart{fields.provider_state});
    } else {
      parts.emplace_back(make_media(in, fields));
    }
  });
  return parts;
}

// Reads the parts of a content output. `place` is the JSON pointer of the value, relative to the position of `in`.
void read_content_output(JsonReader& in, ToolOutput& output, std::string_view place) {
  JsonReader inner = reader_of(output.value);
  inner.set_pointer_prefix(in.pointer().append(place));
  output.parts = read_output_parts(inner);
  if (!inner.ok()) in.adopt(inner.error());
}

ToolOutput read_typed_output(JsonReader& in) {
  static constexpr std::array<std::pair<std::string_view, ToolOutputType>, 5> kTypes = {{
      {"text", ToolOutputType::text},
      {"json", ToolOutputType::json},
      {"content", ToolOutputType::content},
      {"error-text", ToolOutputType::error_text},
      {"error-json", ToolOutputType::error_json},
  }};
  ToolOutput output;
  std::string type;
  output.value = kNullJson;
  in.object([&](std::string_view key) {
    if (key == "type") {
      type = in.string();
    } else if (key == "value") {
      output.value = in.value();
    } else {
      in.skip();
    }
  });
  const auto* known = std::ranges::find(kTypes, type, &std::pair<std::string_view, ToolOutputType>::first);
  if (known == kTypes.end()) {
    in.fail("a tool output's type is text, json, content, error-text or error-json");
    return output;
  }
  output.type = known->second;
  const bool is_text = output.type == ToolOutputType::text || output.type == ToolOutputType::error_text;
  if (is_text && !output.value.is_string()) in.fail("the value of a text output is a string");
  return output;
}

ToolResultPart make_tool_result(JsonReader& in, const PartFields& fields) {
  if (fields.tool_call_id.empty()) in.fail("a tool result needs toolCallId");
  ToolOutput output;
  if (fields.output.empty()) {
    in.fail("a tool result needs an output");
  } else {
    JsonReader inner = reader_of(fields.output);
    inner.set_pointer_prefix(in.pointer() + "/output");
    output = read_tool_output(inner);
    if (!inner.ok()) in.adopt(inner.error());
  }
  return {fields.tool_call_id, fields.tool_name, std::make_shared<const ToolOutput>(std::move(output)), fields.cache};
}

std::optional<Part> make_part(JsonReader& in, const PartFields& fields) {
  if (fields.type == "text") return TextPart{fields.text, fields.provider_state, fields.cache};
  if (fields.type == "reasoning") return ReasoningPart{fields.text, fields.provider_state};
  if (fields.type == "image" || fields.type == "file" || fields.type == "audio") return make_media(in, fields);
  if (fields.type == "tool-call") return make_tool_call(in, fields);
  if (fields.type == "tool-result") return make_tool_result(in, fields);
  if (fields.type == "provider" || fields.type == "custom") return ProviderPart{fields.provider_state};
  return std::nullopt;
}

Role read_role(JsonReader& in) {
  const std::string role = in.string();
  if (role == "system" || role == "developer") return Role::system;
  if (role == "user") return Role::user;
  if (role == "assistant") return Role::assistant;
  if (role == "tool") return Role::tool;
  in.fail("a role is system, user, assistant or tool");
  return Role::user;
}

// Extends a view of a string's contents to its quotes, which are part of the same line.
JsonSpan with_quotes(RawString text) {
  return text.empty() ? kEmptyString : JsonSpan{{text.raw.data() - 1, text.raw.size() + 2}};
}

// Returns the tool output held by a UI message's tool part; nullopt if there is none yet.
std::optional<ToolOutput> ui_tool_output(JsonReader& in, const PartFields& fields) {
  ToolOutput output;
  if (fields.state.raw == "output-denied") {
    output.type = ToolOutputType::error_text;
    output.value = fields.denied.is_string() ? fields.denied : JsonSpan{"\"the call was not approved\""};
  } else if (!fields.error_value.empty()) {
    output.type = ToolOutputType::error_json;
    output.value = fields.error_value;
  } else if (!fields.error_text.empty() || fields.state.raw == "output-error") {
    output.type = ToolOutputType::error_text;
    output.value = with_quotes(fields.error_text);
  } else if (!fields.output.empty() || fields.state.raw == "output-available") {
    const bool is_text = fields.output.is_string() && fields.output_type.raw != "json";
    output.type = is_text ? ToolOutputType::text : ToolOutputType::json;
    output.value = fields.output.empty() ? kNullJson : fields.output;  // a tool may return nothing
    if (fields.output_type.raw == "content") {
      output.type = ToolOutputType::content;
      read_content_output(in, output, "/output");
    }
  } else {
    return std::nullopt;
  }
  return output;
}

// Reads a tool part of a UI message. Its type names the tool ("tool-weather"); the result, if present, is in the same
// part.
UiToolPart make_ui_tool(JsonReader& in, PartFields fields, RawString name) {
  fields.tool_name = name;
  UiToolPart tool{make_tool_call(in, fields), std::nullopt};
  auto output = ui_tool_output(in, fields);
  if (!output) return tool;
  tool.result = ToolResultPart{tool.call.tool_call_id, name, std::make_shared<const ToolOutput>(*std::move(output))};
  return tool;
}

// Collects the parts of one message in order, and splits the message after tool results.
class MessageAssembler {
 public:
  MessageAssembler(Role role, std::vector<Message>& out) : role_(role), out_(out) {}

  void add(Part part) {
    const bool is_result = std::holds_alternative<ToolResultPart>(part);
    if (is_result && role_ == Role::assistant) {
      results_.push_back(std::move(part));
      return;
    }
    // Without step markers, a part after a result starts a new message. With markers, text of the same step may follow
    // a call that has a result.
    if (!results_.empty() && !says_steps_) flush();
    parts_.push_back(std::move(part));
  }
  void add(UiToolPart tool) {
    // A call that follows other calls of the same batch stays in their message.
    parts_.emplace_back(tool.call);
    if (tool.result) results_.emplace_back(*std::move(tool.result));
  }
  void step() {
    says_steps_ = true;
    if (!parts_.empty() || !results_.empty()) flush();
  }
  void finish() {
    if (!parts_.empty() || !results_.empty()) {
      flush();
    } else if (!flushed_) {
      out_.push_back({role_, {}});
    }
  }

 private:
  void flush() {
    flushed_ = true;
    if (!parts_.empty()) out_.push_back({role_, std::exchange(parts_, {})});
    if (!results_.empty()) out_.push_back({Role::tool, std::exchange(results_, {})});
  }

  const Role role_;
  std::vector<Message>& out_;
  std::vector<Part> parts_;
  std::vector<Part> results_;
  bool flushed_ = false;
  bool says_steps_ = false;
};

// Returns true for a part that was only displayed and is not part of the conversation. This includes a call whose input
// was never completed.
bool is_ui_only(const PartFields& part) {
  const std::string_view type = part.type;
  return type.starts_with("data-") || type.starts_with("source-") || type == "source" || part.shown_only ||
         part.state.raw == "input-streaming" || (type == "custom" && part.provider_state.empty());
}

void read_part(JsonReader& in, MessageAssembler& message) {
  const PartFields fields = read_part_fields(in);
  if (!in.ok() || is_ui_only(fields)) return;
  if (auto part = make_part(in, fields)) {
    message.add(*std::move(part));
  } else if (fields.type == "step-start") {
    message.step();
  } else if (fields.type == "dynamic-tool") {
    message.add(make_ui_tool(in, fields, fields.tool_name));
  } else if (fields.type.starts_with("tool-")) {
    message.add(make_ui_tool(in, fields, RawString{fields.type.substr(std::string_view("tool-").size())}));
  } else {
    in.fail("not a type of part that this worker knows");
  }
}

void read_content(JsonReader& in, Role role, std::vector<Message>& messages) {
  MessageAssembler message(role, messages);
  if (in.type() == JsonType::string) {
    message.add(TextPart{in.raw_string()});
  } else {
    in.array([&] { read_part(in, message); });
  }
  message.finish();
}

// Moves the cache mark of a message to its last part.
void mark_last(Message& message, CacheMark cache) {
  if (message.parts.empty()) return;
  std::visit(
      [cache](auto& part) {
        if constexpr (requires { part.cache; }) part.cache = cache;
      },
      message.parts.back());
}

void read_message(JsonReader& in, std::vector<Message>& messages) {
  CacheMark cache = CacheMark::none;
  const std::size_t before = messages.size();
  std::optional<Role> role;
  JsonSpan content;
  JsonSpan parts;
  in.object([&](std::string_view key) {
    if (key == "role") {
      role = read_role(in);
    } else if (key == "content") {
      content = in.value();
    } else if (key == "parts") {
      parts = in.value();
    } else if (key == "cache") {
      cache = read_cache_mark(in);
    } else {
      in.skip();
    }
  });
  if (!role) return in.fail("a message needs a role");
  const bool is_ui = !parts.empty();
  if (!is_ui && content.empty()) return in.fail("a message needs content or parts");
  JsonReader inner = reader_of(is_ui ? parts : content);
  inner.set_pointer_prefix(in.pointer() + (is_ui ? "/parts" : "/content"));
  read_content(inner, *role, messages);
  if (cache != CacheMark::none && messages.size() > before) mark_last(messages.back(), cache);
  if (!inner.ok()) in.adopt(inner.error());
}

}  // namespace

CacheMark read_cache_mark(JsonReader& in) {
  if (in.type() != JsonType::string) return in.boolean() ? CacheMark::five_minutes : CacheMark::none;
  const std::string time = in.string();
  if (time == "5m") return CacheMark::five_minutes;
  if (time != "1h") in.fail("cache is true, false, \"5m\" or \"1h\"");
  return CacheMark::one_hour;
}

ToolOutput read_tool_output(JsonReader& in) {
  ToolOutput output;
  if (in.type() == JsonType::string) {
    output.value = in.value();
    return output;
  }
  output = read_typed_output(in);
  if (in.ok() && output.type == ToolOutputType::content) read_content_output(in, output, "/value");
  return output;
}

void read_messages(JsonReader& in, std::vector<Message>& messages) {
  in.array([&] { read_message(in, messages); });
}

}  // namespace aiw
