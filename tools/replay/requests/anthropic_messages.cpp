// Messages: https://docs.anthropic.com/en/api/messages
#include <array>
#include <stdexcept>

#include "tools/replay/requests/converter.hpp"
#include "tools/replay/requests/json_fields.hpp"
#include "worker/base/base64.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

// Effort without thinking has no equivalent: our reasoning.effort requests thinking.
constexpr std::array<std::string_view, 14> kNamed = {
    "/messages",
    "/model",
    "/stream",
    "/system",
    "/tools",
    "/tool_choice",
    "/max_tokens",
    "/temperature",
    "/top_p",
    "/top_k",
    "/stop_sequences",
    "/thinking/budget_tokens",
    "/output_config/format",
    "/output_format",
};

constexpr std::string_view kTag = "anthropic-messages:";

std::string state_of(const json& value) { return std::string(kTag) + value.dump(-1, ' ', true); }

// Converts a block that only this API has, in the same way as its decoder does for a parent.
json to_own_block(const json& block) { return {{"type", "provider"}, {"providerState", state_of(block)}}; }

void move_cache(json& block, json& part) {
  const json mark = take(block, "cache_control");
  if (!mark.is_null()) part["cache"] = mark.value("ttl", "5m");
}

// Stores fields of a block that the part does not describe in the part's state.
json with_rest(json part, json block) {
  block = without_nulls(std::move(block));
  if (!block.empty()) part["providerState"] = state_of(block);
  return part;
}

json to_media(json block) {
  const std::string type = take(block, "type");
  json part = {{"type", type == "image" ? "image" : "file"}};
  const json source = take(block, "source");
  const std::string kind = source.at("type");
  if (kind == "base64") {
    part["mediaType"] = source.at("media_type");
    part["data"] = source.at("data");
  } else if (kind == "text") {
    part["mediaType"] = source.at("media_type");
    part["data"] = base64_encode(source.at("data").get<std::string>());
  } else if (kind == "url") {
    part["url"] = source.at("url");
  } else if (kind == "file") {
    part["fileId"] = source.at("file_id");
  } else {
    throw std::runtime_error("no part of ours has a source of type " + kind);
  }
  move_cache(block, part);
  move_field(block, "title", part, "filename");
  return with_rest(std::move(part), std::move(block));
}

json to_text(json block) {
  json part = {{"type", "text"}, {"text", take(block, "text")}};
  take(block, "type");
  move_cache(block, part);
  return with_rest(std::move(part), std::move(block));
}

json to_thinking(json block) {
  json part = {{"type", "reasoning"}, {"text", take(block, "thinking")}};
  take(block, "type");
  return with_rest(std::move(part), std::move(block));
}

json to_call(json block) {
  json part = {{"type", "tool-call"}, {"toolCallId", take(block, "id")}, {"toolName", take(block, "name")}};
  part["input"] = take(block, "input");
  take(block, "type");
  move_cache(block, part);
  return with_rest(std::move(part), std::move(block));
}

json to_part(const json& block) {
  const std::string type = block.at("type");
  if (type == "text") return to_text(block);
  if (type == "image" || type == "document") return to_media(block);
  if (type == "thinking") return to_thinking(block);
  if (type == "tool_use") return to_call(block);
  return to_own_block(block);
}

json to_output(const json& content, bool is_error) {
  const bool is_text = content.is_null() || content.is_string() ||
                       (content.size() == 1 && content[0].size() == 2 && content[0].contains("text"));
  if (is_text) {
    const json text = content.is_null() ? json("") : content.is_string() ? content : content[0]["text"];
    return {{"type", is_error ? "error-text" : "text"}, {"value", text}};
  }
  if (is_error) throw std::runtime_error("no output of ours is an error of several blocks");
  json parts = json::array();
  for (const auto& block : content) parts.push_back(to_part(block));
  return {{"type", "content"}, {"value", parts}};
}

json to_result(json block) {
  json part = {{"type", "tool-result"}, {"toolCallId", take(block, "tool_use_id")}, {"toolName", ""}};
  const json is_error = take(block, "is_error");
  part["output"] = to_output(take(block, "content"), is_error == true);
  move_cache(block, part);
  return part;
}

// In our protocol, tool results are a separate message.
void add_message(const json& message, json& messages) {
  const json& content = message.at("content");
  if (content.is_string()) {
    messages.push_back({{"role", message.at("role")}, {"content", content}});
    return;
  }
  json results = json::array(), parts = json::array();
  for (const auto& block : content) {
    const bool is_result = block.at("type") == "tool_result";
    (is_result ? results : parts).push_back(is_result ? to_result(block) : to_part(block));
  }
  if (!results.empty()) messages.push_back({{"role", "tool"}, {"content", results}});
  if (!parts.empty()) messages.push_back({{"role", message.at("role")}, {"content", parts}});
}

// With cache marks, the system prompt becomes a message, because only parts can have marks.
void add_system(const json& system, json& payload) {
  if (system.is_string()) payload["system"] = system;
  if (!system.is_array()) return;
  json parts = json::array();
  for (const auto& block : system) parts.push_back(to_part(block));
  payload["messages"].push_back({{"role", "system"}, {"content", parts}});
}

// Passes a tool in the API's own format if it is a tool of the API, or has fields without a name in our protocol (such
// as defer_loading).
json to_tool(json tool) {
  const json whole = without_nulls(tool);
  const json type = take(tool, "type");
  json out = {{"executor", "return"}};
  move_field(tool, "name", out, "name");
  move_field(tool, "description", out, "description");
  move_field(tool, "input_schema", out, "inputSchema");
  move_field(tool, "strict", out, "strict");
  move_cache(tool, out);
  tool = without_nulls(std::move(tool));
  if ((type.is_null() || type == "custom") && tool.empty()) return out;
  return {{"executor", type.is_null() ? "return" : "provider"}, {"name", whole.at("name")}, {"definition", whole}};
}

void add_tool_choice(const json& choice, json& payload) {
  if (choice.is_null()) return;
  const std::string type = choice.at("type");
  if (type == "tool") {
    payload["toolChoice"] = {{"type", "tool"}, {"toolName", choice.at("name")}};
  } else {
    payload["toolChoice"] = type == "any" ? "required" : type;
  }
  if (choice.contains("disable_parallel_tool_use")) {
    payload["parallelToolCalls"] = !choice["disable_parallel_tool_use"].get<bool>();
  }
}

void add_thinking(json& body, json& payload) {
  if (!body.contains("thinking")) return;
  json& thinking = body["thinking"];
  payload["reasoning"] = json::object();
  move_field(thinking, "budget_tokens", payload["reasoning"], "budgetTokens");
  take(thinking, "type");
  if (thinking.empty()) take(body, "thinking");
}

void add_output_config(json& body, json& payload) {
  json format = take(body, "output_format");
  if (body.contains("output_config")) {
    json& config = body["output_config"];
    if (payload.contains("reasoning")) move_field(config, "effort", payload["reasoning"], "effort");
    if (config.contains("format")) format = take(config, "format");
    if (config.empty()) take(body, "output_config");
  }
  if (!format.is_null()) payload["responseFormat"] = {{"type", "json"}, {"schema", format.at("schema")}};
}

// On Vertex AI the URL path contains project, location and model:
// .../publishers/anthropic/models/MODEL:streamRawPredict.
bool take_vertex_address(const std::string& path, json& body, ConvertedRequest& out) {
  constexpr std::string_view kModels = "/publishers/anthropic/models/";
  const auto at = path.find(kModels);
  if (at == std::string::npos) return false;
  out.base_path = path.substr(0, at);
  out.model = path.substr(at + kModels.size());
  out.model.resize(out.model.find(':'));
  out.provider["type"] = "vertex";
  take(body, "anthropic_version");
  return true;
}

ConvertedRequest convert(const RecordedRequest& recorded) {
  ConvertedRequest out;
  json body = recorded.body;
  if (!take_vertex_address(recorded.path, body, out)) {
    out.base_path = recorded.path.substr(0, recorded.path.find("/messages"));
    out.model = take(body, "model");
  }
  json& payload = out.payload;
  payload["messages"] = json::array();
  add_system(take(body, "system"), payload);
  for (const auto& message : take(body, "messages")) add_message(message, payload["messages"]);
  for (const auto& tool : take(body, "tools")) payload["tools"].push_back(to_tool(tool));
  add_tool_choice(take(body, "tool_choice"), payload);
  add_thinking(body, payload);
  add_output_config(body, payload);
  payload["stream"]["upstream"] = take(body, "stream") == true;
  move_field(body, "max_tokens", payload, "maxOutputTokens");
  move_field(body, "temperature", payload, "temperature");
  move_field(body, "top_p", payload, "topP");
  move_field(body, "top_k", payload, "topK");
  move_field(body, "stop_sequences", payload, "stopSequences");
  leave_to_provider_options(std::move(body), payload);
  return out;
}

// Text content is equivalent to one text block.
json to_blocks(json content) {
  if (!content.is_string()) return content;
  return json::array({{{"type", "text"}, {"text", content}}});
}

void normalise_block(json& block) {
  // Five minutes is the default.
  if (block.contains("cache_control") && block["cache_control"].value("ttl", "") == "5m") {
    block["cache_control"].erase("ttl");
  }
  if (block.value("type", "") != "tool_result") return;
  if (block.value("is_error", json()) == false) block.erase("is_error");  // default
  if (block.contains("content")) block["content"] = to_blocks(block["content"]);
}

void normalise_tools(json& body) {
  if (!body.contains("tools")) return;
  for (auto& tool : body["tools"]) {
    normalise_block(tool);
    if (tool.value("strict", json()) == false) tool.erase("strict");         // default
    if (tool.value("type", "") == "custom") tool.erase("type");              // default
    if (tool.value("description", json()) == "") tool.erase("description");  // equivalent to absence
  }
  if (body["tools"].empty()) body.erase("tools");  // equivalent to absence
}

json normalise(json body) {
  body = without_nulls(std::move(body));
  if (body.contains("system")) body["system"] = to_blocks(body["system"]);
  for (auto& message : body["messages"]) {
    message["content"] = to_blocks(message["content"]);
    for (auto& block : message["content"]) normalise_block(block);
  }
  if (body.contains("system")) {
    for (auto& block : body["system"]) normalise_block(block);
  }
  normalise_tools(body);
  if (body.contains("tool_choice") && body["tool_choice"].value("disable_parallel_tool_use", json()) == false) {
    body["tool_choice"].erase("disable_parallel_tool_use");  // default
  }
  erase_if(body, "stream", false);     // default
  erase_if(body, "temperature", 1.0);  // default
  // Earlier beta name of output_config.format.
  if (body.contains("output_format")) body["output_config"]["format"] = take(body, "output_format");
  return body;
}

// Anthropic's SDKs add this query for code that uses their beta namespace. The endpoint is the same; headers select
// betas.
std::string normalise_path(std::string path) {
  constexpr std::string_view kBeta = "?beta=true";
  if (path.ends_with(kBeta)) path.resize(path.size() - kBeta.size());
  return path;
}

}  // namespace

const RequestConverter& anthropic_messages_requests() {
  static const RequestConverter kConverter = {"anthropic-messages", convert, normalise, kNamed, normalise_path};
  return kConverter;
}

}  // namespace aiw::tools
