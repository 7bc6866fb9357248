#include "protocol/decode.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <utility>

#include "protocol/decode_config.hpp"
#include "protocol/decode_messages.hpp"
#include "protocol/json_reader.hpp"
#include "protocol/json_writer.hpp"

namespace aiw {
namespace {

constexpr std::int64_t kMaxInt = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMaxMs = std::int64_t{24} * 3600 * 1000;
constexpr std::size_t kMaxIdBytes = 256;

struct Envelope {
  std::optional<std::string> id;
  std::string type;
  JsonSpan payload;
};

Error invalid_request(std::string message, std::string pointer) {
  return {.code = "invalid_request",
          .category = Category::invalid_request,
          .message = std::move(message),
          .pointer = std::move(pointer)};
}

Error to_error(const JsonError& error) {
  Error out = invalid_request(error.message, error.pointer);
  if (error.kind == JsonError::Kind::syntax) out.code = "invalid_json";
  if (error.kind == JsonError::Kind::depth) out.code = "too_deep";
  // The pointer says where a wrong value is; bytes are for what is no JSON at all.
  if (error.kind != JsonError::Kind::value) out.message += " (byte " + std::to_string(error.offset) + ")";
  return out;
}

// What can be told of who sent the line, even if a later part of it is bad.
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
  if (ids > 1) envelope.id.reset();  // which one is meant cannot be told
  return envelope;
}

void read_timeouts(JsonReader& in, Timeouts& timeouts) {
  const std::pair<std::string_view, std::int64_t*> fields[] = {
      {"connectMs", &timeouts.connect_ms}, {"firstByteMs", &timeouts.first_byte_ms},
      {"idleMs", &timeouts.idle_ms},       {"progressMs", &timeouts.progress_ms},
      {"toolMs", &timeouts.tool_ms},       {"totalMs", &timeouts.total_ms},
  };
  in.object([&](std::string_view key) {
    for (const auto& [name, value] : fields) {
      if (key == name) {
        *value = in.integer(0, kMaxMs);
        return;
      }
    }
    in.skip();
  });
}

void read_retry(JsonReader& in, RetryOptions& retry) {
  in.object([&](std::string_view key) {
    if (key == "max") {
      retry.max = static_cast<int>(in.integer(0, 10));
    } else if (key == "restart") {
      retry.restart = in.boolean();
    } else {
      in.skip();
    }
  });
}

void read_stream(JsonReader& in, StreamOptions& stream) {
  in.object([&](std::string_view key) {
    if (key == "deltaIntervalMs") {
      stream.delta_interval_ms = in.integer(0, 60'000);
    } else if (key == "maxDeltaChars") {
      stream.max_delta_chars = in.integer(0, 1 << 20);
    } else if (key == "upstream") {
      stream.upstream = in.boolean();
    } else if (key == "dialect") {
      if (in.string() != "v1") in.fail("the only stream dialect of this version is v1");
    } else {
      in.skip();
    }
  });
}

Tool read_tool(JsonReader& in) {
  Tool tool;
  in.object([&](std::string_view key) {
    if (key == "name") {
      tool.name = in.raw_string();
    } else if (key == "description") {
      tool.description = in.raw_string();
    } else if (key == "inputSchema") {
      tool.input_schema = in.value();
      if (in.ok() && !tool.input_schema.is_object()) in.fail("an inputSchema is an object");
    } else if (key == "executor") {
      const std::string executor = in.string();
      if (executor == "return") {
        tool.executor = ToolExecutor::returned;
      } else if (executor != "parent") {
        in.fail("an executor is parent or return");
      }
    } else {
      in.skip();
    }
  });
  if (tool.name.empty()) in.fail("a tool needs a name");
  return tool;
}

ToolChoice read_tool_choice(JsonReader& in) {
  std::string type;
  RawString name;
  if (in.type() == JsonType::string) {
    type = in.string();
  } else {
    in.object([&](std::string_view key) {
      if (key == "type") {
        type = in.string();
      } else if (key == "toolName") {
        name = in.raw_string();
      } else {
        in.skip();
      }
    });
  }
  if (type == "auto") return {ToolChoiceType::automatic, {}};
  if (type == "none") return {ToolChoiceType::none, {}};
  if (type == "required") return {ToolChoiceType::required, {}};
  if (type != "tool" || name.empty()) in.fail("a toolChoice is auto, none, required or {type: tool, toolName}");
  return {ToolChoiceType::tool, name};
}

Reasoning read_reasoning(JsonReader& in) {
  Reasoning reasoning;
  in.object([&](std::string_view key) {
    if (key == "effort") {
      reasoning.effort = in.raw_string();
    } else if (key == "budgetTokens") {
      reasoning.budget_tokens = in.integer(0, kMaxInt);
    } else {
      in.skip();
    }
  });
  return reasoning;
}

void read_response_format(JsonReader& in, ChatRequest& chat) {
  in.object([&](std::string_view key) {
    if (key == "type") {
      const std::string type = in.string();
      chat.response_json = type == "json";
      if (type != "json" && type != "text") in.fail("a responseFormat's type is json or text");
    } else if (key == "schema") {
      chat.response_schema = in.value();
      if (in.ok() && !chat.response_schema.is_object()) in.fail("a schema is an object");
    } else {
      in.skip();
    }
  });
}

// Who answers and with what conversation. Returns false for a key of another kind.
bool read_conversation_field(JsonReader& in, std::string_view key, ChatRequest& chat) {
  if (key == "messages") {
    read_messages(in, chat.messages);
  } else if (key == "config") {
    chat.config = read_config(in);
  } else if (key == "providerId") {
    chat.provider_id = in.string();
  } else if (key == "modelId") {
    chat.model_id = in.string();
  } else if (key == "model") {
    chat.model = in.string();
  } else if (key == "callerKeyId") {
    chat.caller_key_id = in.string();
  } else if (key == "system") {
    chat.system = in.raw_string();
  } else if (key == "tools") {
    in.array([&] { chat.tools.push_back(read_tool(in)); });
  } else if (key == "toolChoice") {
    chat.tool_choice = read_tool_choice(in);
  } else {
    return false;
  }
  return true;
}

// How the model is to answer.
bool read_model_field(JsonReader& in, std::string_view key, ChatRequest& chat) {
  if (key == "maxOutputTokens") {
    chat.max_output_tokens = in.integer(1, kMaxInt);
  } else if (key == "temperature") {
    chat.temperature = in.number();
  } else if (key == "topP") {
    chat.top_p = in.number();
  } else if (key == "stopSequences") {
    in.array([&] { chat.stop_sequences.push_back(in.raw_string()); });
  } else if (key == "seed") {
    chat.seed = in.integer(std::numeric_limits<std::int64_t>::min(), kMaxInt);
  } else if (key == "logprobs") {
    chat.logprobs = in.boolean();
  } else if (key == "reasoning") {
    chat.reasoning = read_reasoning(in);
  } else if (key == "responseFormat") {
    read_response_format(in, chat);
  } else if (key == "parallelToolCalls") {
    chat.parallel_tool_calls = in.boolean();
  } else if (key == "providerOptions") {
    in.object([&](std::string_view name) { chat.provider_options.emplace_back(name, in.value()); });
  } else {
    return false;
  }
  return true;
}

// How the worker is to run it.
bool read_run_field(JsonReader& in, std::string_view key, ChatRequest& chat) {
  if (key == "maxSteps") {
    chat.max_steps = static_cast<int>(in.integer(1, 50));
  } else if (key == "timeouts") {
    read_timeouts(in, chat.timeouts);
  } else if (key == "retry") {
    read_retry(in, chat.retry);
  } else if (key == "stream") {
    read_stream(in, chat.stream);
  } else if (key == "metadata") {
    chat.metadata = in.value();
  } else if (key == "traceparent") {
    chat.traceparent = in.string();
  } else if (key == "heartbeatMs") {
    chat.heartbeat_ms = in.integer(0, kMaxMs);
  } else if (key == "dryRun") {
    chat.dry_run = in.boolean();
  } else {
    return false;
  }
  return true;
}

void read_chat(JsonReader& in, ChatRequest& chat) {
  bool has_messages = false;
  in.object([&](std::string_view key) {
    has_messages = has_messages || key == "messages";
    if (!read_conversation_field(in, key, chat) && !read_model_field(in, key, chat) && !read_run_field(in, key, chat)) {
      in.skip();
    }
  });
  if (!has_messages) in.fail("a chat needs messages");
}

// One payload's fields by name; `fields` says where each goes.
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

// A tool's output as {type, value}, whichever way the parent wrote it.
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
  unknown.code = "unknown_type";
  return RejectedLine{id, std::move(unknown)};
}

bool needs_payload(std::string_view type) {
  constexpr std::string_view kTypes[] = {"chat", "cancel", "tool_result", "tool_approval", "models", "reload_config"};
  return std::ranges::find(kTypes, type) != std::end(kTypes);
}

Request reject(std::optional<std::string> id, Error error) { return RejectedLine{std::move(id), std::move(error)}; }

// Rejects a line that is bad somewhere, with what can still be made out of its envelope.
RejectedLine reject_bad(std::string& text, int max_depth, Error error) {
  JsonReader in(text.data(), text.size(), max_depth);
  Envelope envelope = read_envelope(in);
  return RejectedLine{std::move(envelope.id), std::move(error), envelope.type == "chat"};
}

Request reject_invalid_utf8(std::string& text, std::size_t offset, int max_depth) {
  Error error = invalid_request("not valid UTF-8 (byte " + std::to_string(offset) + ")", {});
  error.code = "invalid_utf8";
  // Inside strings the reader passes over any byte, so the id can be found; it must be sound itself.
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
      (*chat)->notes.push_back({"surrogate_replaced", "lone surrogate escapes were replaced by U+FFFD: " +
                                                          std::to_string(check.repaired_surrogates())});
    }
    return request;
  }
  return RejectedLine{std::move(envelope.id), to_error(body.error()), envelope.type == "chat"};
}

}  // namespace

Request decode_line(FramedLine line, const DecodeOptions& options) {
  if (line.too_large) {
    return reject(std::nullopt, {.code = "line_too_large",
                                 .category = Category::limit,
                                 .message = "the line is longer than this worker accepts; it was skipped"});
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
