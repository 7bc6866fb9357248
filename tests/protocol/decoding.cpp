#include "tests/protocol/decoding.hpp"

#include <fstream>

namespace aiw::test {
namespace {

using nlohmann::ordered_json;

void put(ordered_json& into, const char* key, RawString value) {
  if (!value.empty()) into[key] = value.text();
}
void put(ordered_json& into, const char* key, const std::string& value) {
  if (!value.empty()) into[key] = value;
}
void put(ordered_json& into, const char* key, JsonSpan value) {
  if (!value.empty()) into[key] = ordered_json::parse(value.json);
}
template <typename T>
void put(ordered_json& into, const char* key, const std::optional<T>& value) {
  if (value) into[key] = *value;
}

ordered_json describe_parts(const std::vector<Part>& parts);

struct PartDescriber {
  ordered_json operator()(const TextPart& part) const {
    ordered_json out = {{"text", part.text.text()}};
    put(out, "state", part.provider_state);
    return out;
  }
  ordered_json operator()(const ReasoningPart& part) const {
    ordered_json out = {{"reasoning", part.text.text()}};
    put(out, "state", part.provider_state);
    return out;
  }
  ordered_json operator()(const MediaPart& part) const {
    constexpr const char* kKinds[] = {"image", "file", "audio"};
    ordered_json out = {{"media", kKinds[static_cast<int>(part.kind)]}};
    put(out, "type", part.media_type);
    put(out, "data", part.data);
    put(out, "url", part.url);
    put(out, "filename", part.filename);
    put(out, "state", part.provider_state);
    return out;
  }
  ordered_json operator()(const ToolCallPart& part) const {
    ordered_json out = {{"call", part.tool_call_id.text()}, {"tool", part.tool_name.text()}};
    put(out, "input", part.input);
    put(out, "inputText", part.input_text);
    put(out, "state", part.provider_state);
    return out;
  }
  ordered_json operator()(const ToolResultPart& part) const {
    constexpr const char* kTypes[] = {"text", "json", "content", "error-text", "error-json"};
    ordered_json out = {{"result", part.tool_call_id.text()}};
    put(out, "tool", part.tool_name);
    const ToolOutput& output = *part.output;
    const bool is_content = output.type == ToolOutputType::content;
    out[kTypes[static_cast<int>(output.type)]] =
        is_content ? describe_parts(output.parts) : ordered_json::parse(output.value.json);
    return out;
  }
  ordered_json operator()(const ProviderPart& part) const { return {{"provider", part.provider_state.text()}}; }
};

ordered_json describe_parts(const std::vector<Part>& parts) {
  ordered_json out = ordered_json::array();
  for (const auto& part : parts) out.push_back(std::visit(PartDescriber{}, part));
  return out;
}

ordered_json describe_timeouts(const Timeouts& t) {
  return {t.connect_ms, t.first_byte_ms, t.idle_ms, t.progress_ms, t.tool_ms, t.total_ms};
}

ordered_json describe_tool(const Tool& tool) {
  ordered_json out = {{"name", tool.name.text()}};
  put(out, "description", tool.description);
  put(out, "inputSchema", tool.input_schema);
  out["executor"] = tool.executor == ToolExecutor::parent ? "parent" : "return";
  return out;
}

void describe_conversation(ordered_json& out, const ChatRequest& chat) {
  if (chat.config) out["config"] = describe(*chat.config);
  put(out, "providerId", chat.provider_id);
  put(out, "modelId", chat.model_id);
  put(out, "model", chat.model);
  put(out, "callerKeyId", chat.caller_key_id);
  put(out, "system", chat.system);
  out["messages"] = describe(chat.messages);
  for (const auto& tool : chat.tools) out["tools"].push_back(describe_tool(tool));
  if (!chat.tool_choice) return;
  constexpr const char* kChoices[] = {"auto", "none", "required", "tool"};
  out["toolChoice"] = {kChoices[static_cast<int>(chat.tool_choice->type)], chat.tool_choice->tool_name.text()};
}

void describe_model_fields(ordered_json& out, const ChatRequest& chat) {
  put(out, "parallelToolCalls", chat.parallel_tool_calls);
  put(out, "maxOutputTokens", chat.max_output_tokens);
  put(out, "temperature", chat.temperature);
  put(out, "topP", chat.top_p);
  for (const auto& sequence : chat.stop_sequences) out["stopSequences"].push_back(sequence.text());
  put(out, "seed", chat.seed);
  put(out, "logprobs", chat.logprobs);
  if (chat.reasoning) {
    out["reasoning"] = ordered_json::object();
    put(out["reasoning"], "effort", chat.reasoning->effort);
    put(out["reasoning"], "budgetTokens", chat.reasoning->budget_tokens);
  }
  if (chat.response_json) out["responseJson"] = true;
  put(out, "schema", chat.response_schema);
  for (const auto& [name, value] : chat.provider_options) {
    out["providerOptions"][name] = ordered_json::parse(value.json);
  }
}

struct RequestDescriber {
  ordered_json operator()(const std::unique_ptr<ChatRequest>& chat) const {
    ordered_json out = {{"is", "chat"}, {"id", chat->id}};
    describe_conversation(out, *chat);
    describe_model_fields(out, *chat);
    put(out, "maxSteps", chat->max_steps);
    out["timeouts"] = describe_timeouts(chat->timeouts);
    out["retry"] = {chat->retry.max, chat->retry.restart};
    out["stream"] = {chat->stream.delta_interval_ms, chat->stream.max_delta_chars, chat->stream.upstream};
    put(out, "metadata", chat->metadata);
    put(out, "traceparent", chat->traceparent);
    out["heartbeatMs"] = chat->heartbeat_ms;
    out["dryRun"] = chat->dry_run;
    return out;
  }
  ordered_json operator()(const CancelRequest& r) const {
    return {{"is", "cancel"}, {"id", r.id}, {"chatId", r.chat_id}};
  }
  ordered_json operator()(const ToolResultRequest& r) const {
    return {{"is", "tool_result"},
            {"id", r.id},
            {"chatId", r.chat_id},
            {"toolCallId", r.tool_call_id},
            {"output", ordered_json::parse(r.output_json)}};
  }
  ordered_json operator()(const ToolApprovalRequest& r) const {
    return {{"is", "tool_approval"},  {"id", r.id},        {"chatId", r.chat_id}, {"toolCallId", r.tool_call_id},
            {"approved", r.approved}, {"reason", r.reason}};
  }
  ordered_json operator()(const HealthRequest& r) const { return {{"is", "health"}, {"id", r.id}}; }
  ordered_json operator()(const ModelsRequest& r) const {
    ordered_json out = {{"is", "models"}, {"id", r.id}, {"providerId", r.provider_id}};
    if (r.config) out["config"] = describe(*r.config);
    return out;
  }
  ordered_json operator()(const ReloadConfigRequest& r) const {
    return {{"is", "reload_config"}, {"id", r.id}, {"config", describe(r.config)}};
  }
  ordered_json operator()(const ShutdownRequest& r) const {
    ordered_json out = {{"is", "shutdown"}, {"id", r.id}};
    put(out, "graceMs", r.grace_ms);
    return out;
  }
  ordered_json operator()(const RejectedLine& r) const {
    return {{"is", "rejected"}, {"id", r.id ? ordered_json(*r.id) : ordered_json()}, {"code", r.error.code}};
  }
};

long read_status(std::string_view field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) return std::stol(line.substr(field.size()));
  }
  return 0;
}

}  // namespace

ordered_json describe(const std::vector<Message>& messages) {
  constexpr const char* kRoles[] = {"system", "user", "assistant", "tool"};
  ordered_json out = ordered_json::array();
  for (const auto& message : messages) {
    out.push_back({{kRoles[static_cast<int>(message.role)], describe_parts(message.parts)}});
  }
  return out;
}

ordered_json describe(const Config& config) {
  ordered_json out = {{"providers", ordered_json::array()}, {"aliases", ordered_json::array()}};
  for (const auto& provider : config.providers) {
    ordered_json p = {{"id", provider.id}, {"models", ordered_json::array()}, {"headers", ordered_json::array()}};
    put(p, "name", provider.name);
    if (provider.type) p["type"] = to_string(*provider.type);
    put(p, "baseUrl", provider.base_url);
    put(p, "apiKey", provider.api_key);
    for (const auto& [name, value] : provider.headers) p["headers"].push_back({name, value});
    for (const auto& model : provider.models) {
      ordered_json m = {{"id", model.id}, {"name", model.name}, {"default", model.is_default}};
      put(m, "maxTokens", model.max_tokens);
      put(m, "script", JsonSpan{model.script});
      p["models"].push_back(std::move(m));
    }
    out["providers"].push_back(std::move(p));
  }
  for (const auto& alias : config.aliases) {
    out["aliases"].push_back({{"name", alias.name},
                              {"upstream", alias.upstream},
                              {"enabled", alias.enabled},
                              {"allowedKeys", alias.allowed_keys}});
  }
  put(out, "maxSteps", config.settings.max_steps);
  put(out, "defaultProviderId", config.settings.default_provider_id);
  put(out, "defaultModelId", config.settings.default_model_id);
  return out;
}

ordered_json describe(const Request& request) { return std::visit(RequestDescriber{}, request); }

long decoding_memory(std::string line, Request& request) {
  std::ofstream("/proc/self/clear_refs") << "5";  // resets the peak (proc(5))
  const long before = read_status("VmRSS:");
  request = decode_line({std::move(line), false}, {});
#ifdef AIW_SANITIZED
  (void)before;
  return 0;
#else
  return (read_status("VmHWM:") - before) * 1024;
#endif
}

}  // namespace aiw::test
