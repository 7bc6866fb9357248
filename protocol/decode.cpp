#include "protocol/decode.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "protocol/codes.hpp"
#include "protocol/decode_chat.hpp"
#include "protocol/decode_config.hpp"
#include "protocol/decode_messages.hpp"
#include "protocol/json_reader.hpp"
#include "protocol/json_writer.hpp"

namespace aiw {
namespace {

constexpr std::size_t kMaxIdBytes = 256;

struct Envelope {
  std::optional<std::string> id;
  std::string type;
  JsonSpan payload;
};

Error invalid_request(std::string message, std::string pointer) {
  return {.code = error_code::invalid_request,
          .category = Category::invalid_request,
          .message = std::move(message),
          .pointer = std::move(pointer)};
}

Error to_error(const JsonError& error) {
  Error out = invalid_request(error.message, error.pointer);
  if (error.kind == JsonError::Kind::syntax) out.code = error_code::invalid_json;
  if (error.kind == JsonError::Kind::depth) out.code = error_code::too_deep;
  // The pointer locates a wrong value. The byte offset is only for text that is not JSON or is too deep.
  if (error.kind != JsonError::Kind::value) out.message += " (byte " + std::to_string(error.offset) + ")";
  return out;
}

// Reads the id, type and payload of a line. Useful even if a later part of the line is invalid.
Envelope read_envelope(JsonReader& in) {
  Envelope envelope;
  int ids = 0;
  in.object([&](std::string_view key) {
    if (key == "id") {
      ++ids;
      std::string id = in.string();
      if (id.empty() || id.size() > kMaxIdBytes) {
        in.fail("an id has 1 to " + std::to_string(kMaxIdBytes) + " bytes");
      } else if (in.ok()) {
        envelope.id = std::move(id);
      }
    } else if (key == "type") {
      envelope.type = in.string();
    } else if (key == "payload") {
      envelope.payload = in.value();
    } else {
      in.skip();
    }
  });
  if (ids > 1) envelope.id.reset();  // ambiguous: the intended id is unknown
  return envelope;
}

// One field of a payload, by name; `read` stores its value.
struct PayloadField {
  std::string_view key;
  std::function<void(JsonReader&)> read;
  bool required = false;
};

void read_fields(JsonReader& in, std::initializer_list<PayloadField> fields) {
  std::vector<bool> seen(fields.size());
  in.object([&](std::string_view key) {
    std::size_t i = 0;
    for (const auto& field : fields) {
      if (field.key == key) {
        seen[i] = true;
        return field.read(in);
      }
      ++i;
    }
    in.skip();
  });
  std::size_t i = 0;
  for (const auto& field : fields) {
    if (field.required && !seen[i]) in.fail("the field " + std::string(field.key) + " is missing");
    ++i;
  }
}

// Returns a tool's output as {type, value}, whether the parent sent a string or that object.
std::string read_output_json(JsonReader& in) {
  const bool is_text = in.type() == JsonType::string;
  const JsonSpan span = in.value();
  JsonReader check(const_cast<char*>(span.json.data()), span.json.size(), 1 << 10);
  check.set_pointer_prefix(in.pointer());
  read_tool_output(check);
  if (!check.ok()) in.adopt(check.error());
  std::string json;
  if (is_text) {
    JsonWriter(json).begin_object().field("type", "text").field("value", span).end_object();
  } else {
    json = span.json;
  }
  return json;
}

auto into(std::string& target) {
  return [&target](JsonReader& in) { target = in.string(); };
}

Request read_request(JsonReader& in, const Envelope& envelope, const std::shared_ptr<std::string>& line) {
  const std::string& id = *envelope.id;
  if (envelope.type == "chat") {
    auto chat = std::make_unique<ChatRequest>();
    chat->id = id;
    chat->line = line;
    read_chat(in, *chat);
    return chat;
  }
  if (envelope.type == "cancel") {
    CancelRequest cancel{id, {}};
    read_fields(in, {{"chatId", into(cancel.chat_id), true}});
    return cancel;
  }
  if (envelope.type == "tool_result") {
    ToolResultRequest result{id, {}, {}, {}};
    read_fields(in, {{"chatId", into(result.chat_id), true},
                     {"toolCallId", into(result.tool_call_id), true},
                     {"output", [&](JsonReader& r) { result.output_json = read_output_json(r); }, true}});
    return result;
  }
  if (envelope.type == "tool_approval") {
    ToolApprovalRequest approval{id, {}, {}, false, {}};
    read_fields(in, {{"chatId", into(approval.chat_id), true},
                     {"toolCallId", into(approval.tool_call_id), true},
                     {"approved", [&](JsonReader& r) { approval.approved = r.boolean(); }, true},
                     {"reason", into(approval.reason), false}});
    return approval;
  }
  if (envelope.type == "models") {
    ModelsRequest models{id, {}, {}};
    read_fields(in, {{"config", [&](JsonReader& r) { models.config = read_config(r); }, false},
                     {"providerId", into(models.provider_id), true}});
    return models;
  }
  if (envelope.type == "reload_config") return ReloadConfigRequest{id, read_config(in)};
  if (envelope.type == "health") return HealthRequest{id};
  if (envelope.type == "shutdown") {
    ShutdownRequest shutdown{id, {}};
    read_fields(in, {{"graceMs", [&](JsonReader& r) { shutdown.grace_ms = r.integer(0, kMaxMs); }, false}});
    return shutdown;
  }
  Error unknown = invalid_request("this worker knows no line of that type", "/type");
  unknown.code = error_code::unknown_type;
  return RejectedLine{id, std::move(unknown)};
}

bool needs_payload(std::string_view type) {
  constexpr std::string_view kTypes[] = {"chat", "cancel", "tool_result", "tool_approval", "models", "reload_config"};
  return std::ranges::find(kTypes, type) != std::end(kTypes);
}

Request reject(std::optional<std::string> id, Error error) { return RejectedLine{std::move(id), std::move(error)}; }

// Rejects an invalid line with the id and type that can still be read from its envelope.
RejectedLine reject_bad(std::string& text, int max_depth, Error error) {
  JsonReader in(text.data(), text.size(), max_depth);
  Envelope envelope = read_envelope(in);
  return RejectedLine{std::move(envelope.id), std::move(error), envelope.type == "chat"};
}

Request reject_invalid_utf8(std::string& text, std::size_t offset, int max_depth) {
  Error error = invalid_request("not valid UTF-8 (byte " + std::to_string(offset) + ")", {});
  error.code = error_code::invalid_utf8;
  // The reader accepts any byte inside strings, so the id can still be found. The id itself must be valid UTF-8.
  JsonReader check(text.data(), text.size(), max_depth);
  check.validate();
  if (!check.ok()) return reject(std::nullopt, std::move(error));
  RejectedLine rejected = reject_bad(text, max_depth, std::move(error));
  if (rejected.id && find_invalid_utf8(*rejected.id)) rejected.id.reset();
  return rejected;
}

Request decode_text(const std::shared_ptr<std::string>& line, int max_depth) {
  std::string& text = *line;
  if (const auto bad = find_invalid_utf8(text)) return reject_invalid_utf8(text, *bad, max_depth);
  JsonReader check(text.data(), text.size(), max_depth);
  check.validate();
  if (!check.ok()) {
    const bool is_json = check.error().kind != JsonError::Kind::syntax;
    Error error = to_error(check.error());
    return is_json ? reject_bad(text, max_depth, std::move(error)) : reject(std::nullopt, std::move(error));
  }
  JsonReader in(text.data(), text.size(), max_depth);
  Envelope envelope = read_envelope(in);
  if (!in.ok()) return reject(std::move(envelope.id), to_error(in.error()));
  if (!envelope.id) return reject(std::nullopt, invalid_request("a line needs an id", "/id"));
  if (envelope.type.empty()) return reject(envelope.id, invalid_request("a line needs a type", "/type"));
  const bool absent = envelope.payload.empty();
  if (absent && needs_payload(envelope.type)) {
    return RejectedLine{std::move(envelope.id), invalid_request("a payload is missing", "/payload"),
                        envelope.type == "chat"};
  }

  std::string nothing = "{}";
  const std::string_view payload = absent ? std::string_view(nothing) : envelope.payload.json;
  JsonReader body(const_cast<char*>(payload.data()), payload.size(), max_depth);
  body.set_pointer_prefix("/payload");
  Request request = read_request(body, envelope, line);
  if (body.ok()) {
    if (auto* chat = std::get_if<std::unique_ptr<ChatRequest>>(&request); chat && check.repaired_surrogates() > 0) {
      (*chat)->notes.push_back({warning_code::surrogate_replaced, "lone surrogate escapes were replaced by U+FFFD: " +
                                                                      std::to_string(check.repaired_surrogates())});
    }
    return request;
  }
  return RejectedLine{std::move(envelope.id), to_error(body.error()), envelope.type == "chat"};
}

}  // namespace

Request decode_line(FramedLine line, const DecodeOptions& options) {
  if (line.too_large) {
    return reject(std::nullopt, {.code = error_code::line_too_large,
                                 .category = Category::limit,
                                 .message = "the line is longer than this worker accepts; it was skipped"});
  }
  if (line.no_memory) {
    return reject(std::nullopt, {.code = error_code::resource_exhausted,
                                 .category = Category::overloaded,
                                 .message = "there is no memory for the line; it was skipped",
                                 .retryable = true});
  }
  return decode_text(std::make_shared<std::string>(std::move(line.text)), options.max_depth);
}

std::vector<Message> decode_messages(std::string& json) {
  std::vector<Message> messages;
  JsonReader in(json.data(), json.size(), 1 << 10);
  read_messages(in, messages);
  return messages;
}

}  // namespace aiw
