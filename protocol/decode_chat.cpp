#include "protocol/decode_chat.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "protocol/ascii.hpp"
#include "protocol/decode_config.hpp"
#include "protocol/decode_mcp.hpp"
#include "protocol/decode_messages.hpp"
#include "protocol/http_tool.hpp"

namespace aiw {
namespace {

constexpr std::size_t kMaxFallbacks = 16;
constexpr std::size_t kMaxCodes = 64;
constexpr std::size_t kMaxCodeBytes = 64;
constexpr std::size_t kMaxOptionBytes = std::size_t{4} << 20;  // they are merged into the body value by value
constexpr std::size_t kMaxProviderOptions = 1'000;
constexpr int kMaxOptionDepth = 1'000;  // equal to the maximum depth of any line
constexpr std::int64_t kMaxInt = std::numeric_limits<std::int64_t>::max();

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

std::string read_model_name(JsonReader& in) {
  std::string model = read_name(in);
  if (model.empty()) in.fail("a model is an alias or provider/model");
  return model;
}

bool is_error_code(std::string_view text) {
  return !text.empty() && text.size() <= kMaxCodeBytes &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

void read_codes(JsonReader& in, std::vector<std::string>& codes) {
  bool empty = true;
  in.array([&] {
    empty = false;
    if (codes.size() == kMaxCodes) in.fail("more than 64 codes");
    codes.push_back(in.string());
    if (in.ok() && !is_error_code(codes.back())) in.fail("a code is an error's code or category, as context_overflow");
  });
  if (in.ok() && empty) in.fail("codes are at least one; without codes a fallback is for all errors");
}

// Reads a model name, or {model, codes?}.
Fallback read_fallback(JsonReader& in) {
  if (in.type() != JsonType::object) return {.model = read_model_name(in)};
  Fallback fallback;
  in.object([&](std::string_view key) {
    if (key == "model") {
      fallback.model = read_model_name(in);
    } else if (key == "codes") {
      read_codes(in, fallback.codes);
    } else {
      in.skip();
    }
  });
  if (in.ok() && fallback.model.empty()) in.fail("a fallback needs a model");
  return fallback;
}

void read_fallbacks(JsonReader& in, std::vector<Fallback>& fallbacks) {
  in.array([&] {
    if (fallbacks.size() == kMaxFallbacks) in.fail("more than 16 fallbacks");
    fallbacks.push_back(read_fallback(in));
  });
}

// Reads the optional features that the parent accepts. Unknown names are ignored.
void read_accept(JsonReader& in, ChatRequest& chat) {
  in.array([&] { chat.early_tool_calls = in.string() == "earlyToolCalls" || chat.early_tool_calls; });
}

bool read_every_step(JsonReader& in) {
  const std::string scope = in.string();
  if (in.ok() && scope != "first" && scope != "every") in.fail("a toolChoiceScope is first or every");
  return scope == "every";
}

void read_hedge(JsonReader& in, HedgeOptions& hedge) {
  bool has_time = false;
  in.object([&](std::string_view key) {
    if (key == "afterMs") {
      has_time = true;
      hedge.after_ms = in.integer(0, kMaxMs);
    } else if (key == "model") {
      hedge.model = read_model_name(in);
    } else {
      in.skip();
    }
  });
  if (!has_time) in.fail("a hedge needs afterMs");
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
      const std::string name = in.string();
      if (name != "v1" && name != "ui") in.fail("a chat's dialect is v1 or ui");
      stream.ui = name == "ui";
    } else {
      in.skip();
    }
  });
}

ToolExecutor read_executor(JsonReader& in) {
  const std::string executor = in.string();
  if (executor == "return") return ToolExecutor::returned;
  if (executor == "provider") return ToolExecutor::provider;
  if (executor == "http") return ToolExecutor::http;
  if (executor != "parent") in.fail("an executor is parent, return, http or provider");
  return ToolExecutor::parent;
}

Approval read_approval(JsonReader& in) {
  const std::string approval = in.string();
  if (approval == "never") return Approval::never;
  if (approval == "parent") return Approval::parent;
  if (approval != "always") in.fail("an approval is always, never or parent");
  return Approval::always;
}

RawString read_tool_name(JsonReader& in) {
  const RawString name = in.raw_string();
  const bool is_long = name.raw.size() > kMaxToolNameBytes && name.text().size() > kMaxToolNameBytes;
  if (in.ok() && is_long) in.fail("a tool's name has at most 512 bytes");
  return name;
}

Tool read_tool(JsonReader& in) {
  Tool tool;
  in.object([&](std::string_view key) {
    if (key == "name") {
      tool.name = read_tool_name(in);
    } else if (key == "description") {
      tool.description = in.raw_string();
    } else if (key == "inputSchema") {
      tool.input_schema = in.value();
      if (in.ok() && !tool.input_schema.is_object()) in.fail("an inputSchema is an object");
    } else if (key == "definition") {
      tool.definition = in.value();
      if (in.ok() && !tool.definition.is_object()) in.fail("a definition is an object");
    } else if (key == "strict") {
      tool.strict = in.boolean();
    } else if (key == "cache") {
      tool.cache = read_cache_mark(in);
    } else if (key == "executor") {
      tool.executor = read_executor(in);
    } else if (key == "approval") {
      tool.approval = read_approval(in);
    } else if (key == "timeoutMs") {
      tool.timeout_ms = in.integer(0, kMaxMs);
    } else if (key == "http") {
      tool.http = std::make_shared<const HttpTool>(read_http_tool(in));
    } else {
      in.skip();
    }
  });
  if (tool.executor == ToolExecutor::http && tool.http == nullptr) in.fail("a tool of executor http needs its http");
  if (tool.executor != ToolExecutor::http) tool.http = nullptr;
  const bool by_provider = tool.executor == ToolExecutor::provider;
  if (by_provider && tool.definition.empty()) in.fail("a tool that the provider runs needs its definition");
  if (tool.name.empty() && !by_provider) in.fail("a tool needs a name");
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
    } else if (key == "name") {
      chat.response_name = in.raw_string();
    } else if (key == "description") {
      chat.response_description = in.raw_string();
    } else if (key == "strict") {
      chat.response_strict = in.boolean();
    } else {
      in.skip();
    }
  });
}

// Reads fields that select the model and carry the conversation. Returns false for any other key.
bool read_conversation_field(JsonReader& in, std::string_view key, ChatRequest& chat) {
  if (key == "messages") {
    read_messages(in, chat.messages);
  } else if (key == "config") {
    chat.config = read_config(in);
  } else if (key == "providerId") {
    chat.provider_id = read_name(in);
  } else if (key == "modelId") {
    chat.model_id = read_name(in);
  } else if (key == "model") {
    chat.model = read_name(in);
  } else if (key == "callerKeyId") {
    chat.caller_key_id = in.string();
  } else if (key == "system") {
    chat.system = in.raw_string();
  } else if (key == "tools") {
    in.array([&] { chat.tools.push_back(read_tool(in)); });
  } else if (key == "mcpServers") {
    chat.mcp_servers = read_mcp_servers(in);
  } else if (key == "mcpOnly") {
    chat.mcp_only = in.boolean();
  } else if (key == "toolChoice") {
    chat.tool_choice = read_tool_choice(in);
  } else if (key == "toolChoiceScope") {
    chat.tool_choice_every_step = read_every_step(in);
  } else {
    return false;
  }
  return true;
}

// Returns true for a member by which an API or gateway chooses the model or a replacement. Ignores case, because
// servers written in Go also match member names without case.
bool names_a_model(std::string_view member) {
  constexpr std::array<std::string_view, 4> kNames = {"model", "models", "fallbacks", "preset"};
  return std::ranges::any_of(kNames, [&](std::string_view name) { return ascii_iequal(member, name); });
}

// Vercel's gateway accepts an object `providerOptions` in the body, whose members can also choose a model.
void check_gateway_options(JsonReader& in, std::string_view name, JsonSpan value) {
  if (!ascii_iequal(name, "providerOptions") || !value.json.starts_with('{')) return;
  std::string text(value.json);
  JsonReader options(text.data(), text.size(), kMaxOptionDepth);
  bool chosen = false;
  options.object([&](std::string_view) {
    if (options.type() != JsonType::object) return options.skip();
    options.object([&](std::string_view option) {
      chosen = chosen || names_a_model(option);
      options.skip();
    });
  });
  if (chosen) in.fail("the model is chosen by providerId and modelId, or by model and fallbacks");
}

// Reads parameters of the model's output. Returns false for any other key.
bool read_model_field(JsonReader& in, std::string_view key, ChatRequest& chat) {
  if (key == "maxOutputTokens") {
    chat.max_output_tokens = in.integer(1, kMaxInt);
  } else if (key == "temperature") {
    chat.temperature = in.number();
  } else if (key == "topP") {
    chat.top_p = in.number();
  } else if (key == "topK") {
    chat.top_k = in.integer(1, kMaxInt);
  } else if (key == "frequencyPenalty") {
    chat.frequency_penalty = in.number();
  } else if (key == "presencePenalty") {
    chat.presence_penalty = in.number();
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
    // In a merge patch, null means that the member is removed.
    std::size_t bytes = 0;
    in.object_with_nulls([&](std::string_view name) {
      if (chat.provider_options.size() >= kMaxProviderOptions) in.fail("more than 1,000 members");
      if (names_a_model(name)) in.fail("the model is chosen by providerId and modelId, or by model and fallbacks");
      chat.provider_options.emplace_back(name, in.value());
      bytes += name.size() + chat.provider_options.back().second.json.size();
      if (bytes > kMaxOptionBytes) in.fail("providerOptions are at most 4 MiB");
      check_gateway_options(in, name, chat.provider_options.back().second);
    });
  } else {
    return false;
  }
  return true;
}

// Reads the parent's own identifiers of the chat. Returns false for any other key.
bool read_parent_field(JsonReader& in, std::string_view key, ChatRequest& chat) {
  const std::pair<std::string_view, std::string*> fields[] = {{"baseUrl", &chat.base_url},
                                                              {"sessionId", &chat.session_id},
                                                              {"projectId", &chat.project_id},
                                                              {"userId", &chat.user_id}};
  for (const auto& [name, value] : fields) {
    if (key != name) continue;
    *value = in.string();
    return true;
  }
  return false;
}

// Reads fields that control how the worker runs the chat. Returns false for any other key.
bool read_run_field(JsonReader& in, std::string_view key, ChatRequest& chat) {
  if (key == "maxSteps") {
    chat.max_steps = static_cast<int>(in.integer(1, 50));
  } else if (key == "timeouts") {
    read_timeouts(in, chat.timeouts);
  } else if (key == "retry") {
    read_retry(in, chat.retry);
  } else if (key == "fallbacks") {
    read_fallbacks(in, chat.fallbacks);
  } else if (key == "hedge") {
    read_hedge(in, chat.hedge);
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
  } else if (key == "accept") {
    read_accept(in, chat);
  } else {
    return false;
  }
  return true;
}

}  // namespace

void read_chat(JsonReader& in, ChatRequest& chat) {
  bool has_messages = false;
  in.object([&](std::string_view key) {
    has_messages = has_messages || key == "messages";
    const bool is_known = read_conversation_field(in, key, chat) || read_model_field(in, key, chat) ||
                          read_run_field(in, key, chat) || read_parent_field(in, key, chat);
    if (!is_known) in.skip();
  });
  if (!has_messages) in.fail("a chat needs messages");
}

}  // namespace aiw
