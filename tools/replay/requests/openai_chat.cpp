// Chat Completions: https://platform.openai.com/docs/api-reference/chat/create
#include <array>

#include "tools/replay/requests/converter.hpp"
#include "tools/replay/requests/json_fields.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 15> kNamed = {
    "/messages",
    "/model",
    "/stream",
    "/tools",
    "/stop",
    "/temperature",
    "/top_p",
    "/tool_choice",
    "/seed",
    "/logprobs",
    "/max_tokens",
    "/max_completion_tokens",
    "/parallel_tool_calls",
    "/reasoning_effort",
    "/response_format",
};

json to_part(json part) {
  const std::string type = take(part, "type");
  if (type == "text") return {{"type", "text"}, {"text", take(part, "text")}};
  if (type == "image_url") return {{"type", "image"}, {"url", part.at("image_url").at("url")}};
  if (type == "input_audio") {
    const json& audio = part.at("input_audio");
    return {
        {"type", "audio"}, {"mediaType", "audio/" + audio.at("format").get<std::string>()}, {"data", audio.at("data")}};
  }
  if (type == "file") {
    const json& file = part.at("file");
    return {{"type", "file"}, {"filename", file.value("filename", "file")}, {"data", file.at("file_data")}};
  }
  throw std::runtime_error("no part of ours is a " + type);
}

json to_content(const json& content) {
  if (!content.is_array()) return content;
  json parts = json::array();
  for (const auto& part : content) parts.push_back(to_part(part));
  return parts;
}

json to_call(const json& call) {
  const json& function = call.at("function");
  const std::string text = function.at("arguments");
  json input = json::parse(text, nullptr, false);
  if (input.is_discarded()) input = json::object();
  return {{"type", "tool-call"},
          {"toolCallId", call.at("id")},
          {"toolName", function.at("name")},
          {"input", input},
          {"inputText", text}};
}

json to_assistant(const json& message) {
  json parts = json::array();
  const json content = message.value("content", json());
  if (content.is_string()) parts.push_back({{"type", "text"}, {"text", content}});
  if (content.is_array()) parts = to_content(content);
  for (const auto& call : message.value("tool_calls", json::array())) parts.push_back(to_call(call));
  return {{"role", "assistant"}, {"content", parts}};
}

json to_message(const json& message) {
  const std::string role = message.at("role");
  if (role == "assistant") return to_assistant(message);
  if (role == "tool") {
    json part = {{"type", "tool-result"}, {"toolCallId", message.at("tool_call_id")}, {"toolName", ""}};
    part["output"] = {{"type", "text"}, {"value", message.at("content")}};
    return {{"role", "tool"}, {"content", {part}}};
  }
  return {{"role", role}, {"content", to_content(message.at("content"))}};
}

json to_tool(const json& tool) {
  const json function = tool.value("function", json::object());
  json out = {{"name", function.at("name")}, {"executor", "return"}};
  if (function.contains("description")) out["description"] = function["description"];
  if (function.contains("parameters")) out["inputSchema"] = function["parameters"];
  if (function.contains("strict") && !function["strict"].is_null()) out["strict"] = function["strict"];
  return out;
}

json to_tool_choice(const json& choice) {
  if (choice.is_string()) return choice;
  return {{"type", "tool"}, {"toolName", choice.at("function").at("name")}};
}

json to_response_format(json format) {
  if (format.at("type") == "json_object") return {{"type", "json"}};
  json out = take(format, "json_schema");
  out["type"] = "json";
  return out;
}

ConvertedRequest convert(const RecordedRequest& recorded) {
  ConvertedRequest out;
  out.base_path = recorded.path.substr(0, recorded.path.find("/chat/completions"));
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
  move_field(body, "max_tokens", payload, "maxOutputTokens");
  move_field(body, "max_completion_tokens", payload, "maxOutputTokens");
  move_field(body, "temperature", payload, "temperature");
  move_field(body, "top_p", payload, "topP");
  move_field(body, "seed", payload, "seed");
  move_field(body, "logprobs", payload, "logprobs");
  move_field(body, "parallel_tool_calls", payload, "parallelToolCalls");
  if (json effort = take(body, "reasoning_effort"); !effort.is_null()) payload["reasoning"]["effort"] = effort;
  if (json stop = take(body, "stop"); !stop.is_null()) {
    payload["stopSequences"] = stop.is_array() ? stop : json::array({stop});
  }
  leave_to_provider_options(std::move(body), payload);
  return out;
}

// A content of one text part is the same as that text.
json plain_content(json content) {
  const bool one_text =
      content.is_array() && content.size() == 1 && content[0].size() == 2 && content[0].contains("text");
  return one_text ? content[0]["text"] : content;
}

json normalise(json body) {
  body = without_nulls(std::move(body));
  for (auto& message : body["messages"]) {
    if (message.contains("content")) message["content"] = plain_content(message["content"]);
  }
  if (body.value("stream", json()) == false) body.erase("stream");
  return body;
}

}  // namespace

const RequestConverter& openai_chat_requests() {
  static const RequestConverter kConverter = {"openai-chat", convert, normalise, kNamed};
  return kConverter;
}

}  // namespace aiw::tools
