// Chat Completions: https://platform.openai.com/docs/api-reference/chat/create
#include <algorithm>
#include <array>
#include <stdexcept>

#include "tools/replay/requests/converter.hpp"
#include "tools/replay/requests/json_fields.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

constexpr auto kNamed = std::to_array<std::string_view>({
    "/messages",
    "/model",
    "/stream",
    "/stream_options",
    "/tools",
    "/tool_choice",
    "/parallel_tool_calls",
    "/stop",
    "/temperature",
    "/top_p",
    "/top_k",
    "/frequency_penalty",
    "/presence_penalty",
    "/seed",
    "/random_seed",
    "/logprobs",
    "/max_tokens",
    "/max_completion_tokens",
    "/reasoning_effort",
    "/reasoning/effort",
    "/reasoning/max_tokens",
    "/thinking/type",
    "/thinking/budget_tokens",
    "/response_format",
});

// Converts a mark of the prompt cache (cache_control). Its time is five minutes unless it says "1h".
void move_cache_mark(json& source, json& into) {
  const json mark = take(source, "cache_control");
  if (!mark.is_null()) into["cache"] = mark.value("ttl", "5m");
}

json to_media(std::string_view type, json fields) {
  fields["type"] = type;
  return fields;
}

json to_part(json part) {
  const std::string type = take(part, "type");
  json out;
  if (type == "text") {
    out = {{"type", "text"}, {"text", take(part, "text")}};
  } else if (type == "image_url") {
    out = to_media("image", {{"url", part.at("image_url").at("url")}});
  } else if (type == "input_audio") {
    const json& audio = part.at("input_audio");
    out = to_media("audio",
                   {{"mediaType", "audio/" + audio.at("format").get<std::string>()}, {"data", audio.at("data")}});
  } else if (type == "file") {
    const json& file = part.at("file");
    out = to_media("file", {{"filename", file.value("filename", "file")}, {"url", file.at("file_data")}});
  } else if (type == "document_url") {
    out = to_media("file", {{"mediaType", "application/pdf"}, {"url", part.at("document_url")}});
  } else if (type == "video_url") {
    out = to_media("file", {{"mediaType", "video/*"}, {"url", part.at("video_url").at("url")}});
  } else {
    throw std::runtime_error("no part of ours is a " + type);
  }
  move_cache_mark(part, out);
  return out;
}

json to_content(const json& content) {
  if (!content.is_array()) return content;
  json parts = json::array();
  for (const auto& part : content) parts.push_back(to_part(part));
  return parts;
}

json to_call(json call) {
  const json function = call.at("function");
  const std::string text = function.at("arguments");
  json input = json::parse(text, nullptr, false);
  if (input.is_discarded()) input = json::object();
  json out = {{"type", "tool-call"},
              {"toolCallId", call.at("id")},
              {"toolName", function.at("name")},
              {"input", input},
              {"inputText", text}};
  move_cache_mark(call, out);
  return out;
}

// State that the worker itself produces for such reasoning (worker/providers/openai_chat/reasoning.hpp).
json to_reasoning(std::string text, const json& state) {
  return {
      {"type", "reasoning"}, {"text", std::move(text)}, {"providerState", "openai-chat:" + state.dump(-1, ' ', true)}};
}

json to_assistant(const json& message) {
  json parts = json::array();
  if (message.contains("reasoning_details")) {
    parts.push_back(to_reasoning("", {{"reasoning_details", message["reasoning_details"]}}));
  } else if (message.contains("reasoning_content")) {
    parts.push_back(to_reasoning(message["reasoning_content"], {{"field", "reasoning_content"}}));
  } else if (message.contains("reasoning")) {
    parts.push_back(to_reasoning(message["reasoning"], {{"field", "reasoning"}}));
  }
  const json content = message.value("content", json());
  if (content.is_string()) parts.push_back({{"type", "text"}, {"text", content}});
  for (const auto& part : content.is_array() ? content : json::array()) parts.push_back(to_part(part));
  for (const auto& call : message.value("tool_calls", json::array())) parts.push_back(to_call(call));
  return {{"role", "assistant"}, {"content", parts}};
}

json to_result(json message) {
  json part = {{"type", "tool-result"}, {"toolCallId", message.at("tool_call_id")}, {"toolName", ""}};
  json content = message.at("content");
  const bool one_text = content.is_array() && content.size() == 1 && content[0].value("type", "") == "text";
  if (one_text) {
    move_cache_mark(content[0], part);
    content = content[0]["text"];
  }
  if (content.is_array()) {
    part["output"] = {{"type", "content"}, {"value", to_content(content)}};
  } else {
    part["output"] = {{"type", "text"}, {"value", content}};
  }
  return part;
}

json to_message(json message) {
  // OpenAI: "developer" replaces "system" from o1 on. Each role is read as the other where the model requires it.
  const std::string role = message.at("role") == "developer" ? "system" : message.at("role");
  json out;
  if (role == "assistant") {
    out = to_assistant(message);
  } else if (role == "tool") {
    out = {{"role", "tool"}, {"content", json::array({to_result(message)})}};
  } else {
    out = {{"role", role}, {"content", to_content(message.at("content"))}};
  }
  move_cache_mark(message, out);
  return out;
}

json to_tool(json tool) {
  if (!tool.contains("function")) return {{"executor", "provider"}, {"definition", tool}};
  const json function = tool["function"];
  json out = {{"name", function.at("name")}, {"executor", "return"}};
  if (function.contains("description")) out["description"] = function["description"];
  if (function.contains("parameters")) out["inputSchema"] = function["parameters"];
  if (function.contains("strict") && !function["strict"].is_null()) out["strict"] = function["strict"];
  move_cache_mark(tool, out);
  return out;
}

json to_tool_choice(const json& choice) {
  if (choice == "any") return "required";  // name in Mistral's API
  if (choice.is_string()) return choice;
  return {{"type", "tool"}, {"toolName", choice.at("function").at("name")}};
}

json to_response_format(json format) {
  if (format.at("type") == "json_object") return {{"type", "json"}};
  json out = take(format, "json_schema");
  out["type"] = "json";
  return out;
}

void move_reasoning(json& body, json& payload) {
  json reasoning = json::object();
  move_field(body, "reasoning_effort", reasoning, "effort");
  json object = take(body, "reasoning");
  if (object.is_object()) {
    move_field(object, "effort", reasoning, "effort");
    move_field(object, "max_tokens", reasoning, "budgetTokens");
    if (!object.empty()) body["reasoning"] = object;
  }
  if (!reasoning.empty()) payload["reasoning"] = reasoning;
}

void move_limits_and_sampling(json& body, json& payload) {
  move_openai_options(body, payload);
  move_field(body, "max_completion_tokens", payload, "maxOutputTokens");
  move_field(body, "top_k", payload, "topK");
  move_field(body, "random_seed", payload, "seed");
  move_field(body, "logprobs", payload, "logprobs");
}

void set_provider(const RecordedRequest& recorded, ConvertedRequest& out) {
  if (recorded.provider == "vercel-gateway") out.provider["id"] = "vercel";
  if (recorded.provider != "azure") return;
  out.provider["type"] = "azure-openai";
  constexpr std::string_view kVersion = "?api-version=";
  const auto at = recorded.path.find(kVersion);
  if (at != std::string::npos) out.provider["apiVersion"] = recorded.path.substr(at + kVersion.size());
}

ConvertedRequest convert(const RecordedRequest& recorded) {
  ConvertedRequest out;
  out.base_path = recorded.path.substr(0, recorded.path.find("/chat/completions"));
  if (recorded.provider == "writer") out.base_path = "/v1";
  set_provider(recorded, out);
  json body = recorded.body;
  out.model = take(body, "model");
  json& payload = out.payload;
  payload["messages"] = json::array();
  for (const auto& message : take(body, "messages")) payload["messages"].push_back(to_message(message));
  for (const auto& tool : take(body, "tools")) payload["tools"].push_back(to_tool(tool));
  if (const json choice = take(body, "tool_choice"); !choice.is_null()) payload["toolChoice"] = to_tool_choice(choice);
  if (const json format = take(body, "response_format"); !format.is_null()) {
    payload["responseFormat"] = to_response_format(format);
  }
  take(body, "stream");
  take(body, "stream_options");
  move_limits_and_sampling(body, payload);
  move_field(body, "parallel_tool_calls", payload, "parallelToolCalls");
  move_reasoning(body, payload);
  if (body.value("n", 0) == 1) take(body, "n");  // default
  leave_to_provider_options(std::move(body), payload);
  return out;
}

// A mark on a message is equivalent to one on its last part; the SDKs of OpenRouter and Vercel write both forms. The
// default time of a mark is five minutes. Content with one text part is equivalent to that text.
void normalise_content(json& message) {
  json mark = take(message, "cache_control");
  json& content = message["content"];
  if (!mark.is_null()) {
    if (content.is_string()) content = json::array({{{"type", "text"}, {"text", content}}});
    content.back()["cache_control"] = mark;
  }
  if (!content.is_array()) return;
  for (auto& part : content) {
    if (part.contains("cache_control")) erase_if(part["cache_control"], "ttl", "5m");
    if (part.contains("image_url")) erase_if(part["image_url"], "detail", "auto");  // default
  }
  const bool one_text = content.size() == 1 && content[0].size() == 2 && content[0].contains("text");
  if (one_text) content = json(content[0]["text"]);
}

// An assistant's content may be absent beside tool calls ("required unless tool_calls is specified"), so empty content
// is equivalent to absence. `annotations` belong to responses, not to requests. Defaults: false for Mistral's `prefix`,
// 0 for a call's `index`, "function" for `type`.
void normalise_assistant(json& message) {
  message.erase("annotations");
  erase_if(message, "prefix", false);
  if (message.contains("tool_calls")) {
    const json& content = message["content"];
    if (content.empty() || content == "") message.erase("content");
    for (auto& call : message["tool_calls"]) {
      call.erase("index");
      call["type"] = "function";
    }
  }
  // Alternative names (OpenRouter: reasoning_content is an alias of reasoning; details contain the text of both).
  if (message.contains("reasoning_details")) message.erase("reasoning");
  if (message.contains("reasoning_content")) erase_if(message, "reasoning", message["reasoning_content"]);
}

void normalise_tool(json& tool) {
  if (!tool.contains("function")) return;
  tool["type"] = "function";  // default in Mistral's API
  erase_if(tool["function"], "description", "");
  if (tool.contains("cache_control")) erase_if(tool["cache_control"], "ttl", "5m");
}

json normalise(json body) {
  body = without_nulls(std::move(body));
  for (auto& message : body["messages"]) {
    if (message["role"] == "developer") message["role"] = "system";
    if (message.contains("content")) normalise_content(message);
    if (message["role"] == "assistant") normalise_assistant(message);
  }
  if (body.contains("tools")) std::ranges::for_each(body["tools"], normalise_tool);
  erase_if(body, "stream", false);
  erase_if(body, "n", 1);
  erase_if(body, "tools", json::array());  // equivalent to absence
  // The worker always requests token counts, if the server supports it.
  erase_if(body, "stream_options", {{"include_usage", true}});
  // max_completion_tokens replaces max_tokens ("deprecated in favor of"); servers support one or both.
  if (json limit = take(body, "max_tokens"); !limit.is_null()) body["max_completion_tokens"] = limit;
  // Stop: "string / array".
  if (body.contains("stop") && body["stop"].is_string()) body["stop"] = json::array({body["stop"]});
  // Label of the schema. Only Perplexity allows it to be absent; the worker then sends "response".
  const json::json_pointer schema("/response_format/json_schema");
  if (body.contains(schema)) {
    erase_if(body[schema], "name", "response");
    erase_if(body[schema], "description", "");
  }
  return body;
}

}  // namespace

const RequestConverter& openai_chat_requests() {
  static const RequestConverter kConverter = {"openai-chat", convert, normalise, kNamed};
  return kConverter;
}

}  // namespace aiw::tools
