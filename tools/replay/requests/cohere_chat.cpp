// Cohere's chat, version 2: https://docs.cohere.com/reference/chat
#include <array>

#include "tools/replay/requests/converter.hpp"
#include "tools/replay/requests/function_tool.hpp"
#include "tools/replay/requests/json_fields.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 17> kNamed = {
    "/messages",       "/model",       "/stream",   "/tools",      "/tool_choice",       "/strict_tools",
    "/stop_sequences", "/temperature", "/p",        "/k",          "/frequency_penalty", "/presence_penalty",
    "/seed",           "/logprobs",    "/thinking", "/max_tokens", "/response_format",
};

json to_part(const json& part) {
  const std::string type = part.at("type");
  if (type == "text") return {{"type", "text"}, {"text", part.at("text")}};
  if (type == "image_url") return {{"type", "image"}, {"url", part.at("image_url").at("url")}};
  throw std::runtime_error("no part of ours is a " + type);
}

json to_content(const json& content) {
  if (!content.is_array()) return content;
  json parts = json::array();
  for (const auto& part : content) parts.push_back(to_part(part));
  return parts;
}

json to_call(const json& call) {
  const std::string text = call.at("function").at("arguments");
  json input = json::parse(text, nullptr, false);
  if (input.is_discarded()) input = json::object();
  return {{"type", "tool-call"},
          {"toolCallId", call.at("id")},
          {"toolName", call.at("function").at("name")},
          {"input", input},
          {"inputText", text}};
}

json to_assistant(const json& message) {
  const json content = message.value("content", json());
  json parts = json::array();
  if (content.is_string()) parts.push_back({{"type", "text"}, {"text", content}});
  if (content.is_array()) parts = to_content(content);
  for (const auto& call : message.value("tool_calls", json::array())) parts.push_back(to_call(call));
  return {{"role", "assistant"}, {"content", parts}};
}

// Converts documents to a tool's JSON output.
json to_output(const json& content) {
  if (content.is_string()) return {{"type", "text"}, {"value", content}};
  json documents = json::array();
  for (const auto& part : content) {
    if (part.at("type") == "document") documents.push_back(part.at("document"));
  }
  if (!documents.empty() && documents.size() == content.size()) return {{"type", "json"}, {"value", documents}};
  return {{"type", "content"}, {"value", to_content(content)}};
}

json to_message(const json& message) {
  const std::string role = message.at("role");
  if (role == "assistant") return to_assistant(message);
  if (role != "tool") return {{"role", role}, {"content", to_content(message.at("content"))}};
  json part = {{"type", "tool-result"}, {"toolCallId", message.at("tool_call_id")}, {"toolName", ""}};
  part["output"] = to_output(message.at("content"));
  return {{"role", "tool"}, {"content", {part}}};
}

ConvertedRequest convert(const RecordedRequest& recorded) {
  ConvertedRequest out;
  json body = recorded.body;
  out.model = take(body, "model");
  json& payload = out.payload;
  payload["messages"] = json::array();
  for (const auto& message : take(body, "messages")) payload["messages"].push_back(to_message(message));
  for (const auto& tool : take(body, "tools")) payload["tools"].push_back(to_function_tool(tool));
  take(body, "stream");
  move_field(body, "max_tokens", payload, "maxOutputTokens");
  move_common_options(body, payload);
  move_field(body, "p", payload, "topP");
  move_field(body, "k", payload, "topK");
  move_field(body, "logprobs", payload, "logprobs");
  move_field(body, "stop_sequences", payload, "stopSequences");
  if (const json choice = take(body, "tool_choice"); choice.is_string()) {
    payload["toolChoice"] = choice == "NONE" ? "none" : "required";
  }
  if (json format = take(body, "response_format"); !format.is_null()) {
    payload["responseFormat"] = {{"type", "json"}};
    move_field(format, "json_schema", payload["responseFormat"], "schema");
  }
  if (json thinking = take(body, "thinking"); !thinking.is_null()) {
    payload["reasoning"]["effort"] = thinking.at("type") == "disabled" ? "none" : "high";
    move_field(thinking, "token_budget", payload["reasoning"], "budgetTokens");
  }
  leave_to_provider_options(std::move(body), payload);
  return out;
}

// "content: string or list of objects": a string is equivalent to a list with that one text. An empty text is
// equivalent to absence.
json plain_content(json content) {
  if (!content.is_array()) return content == "" ? json() : content;
  std::erase_if(content.get_ref<json::array_t&>(), [](const json& part) { return part.value("text", json()) == ""; });
  if (content.empty()) return {};
  const bool one_text = content.size() == 1 && content[0].size() == 2 && content[0].contains("text");
  return one_text ? content[0]["text"] : content;
}

json normalise(json body) {
  for (auto& message : body["messages"]) {
    if (message.contains("content")) message["content"] = plain_content(message["content"]);
  }
  body = without_nulls(std::move(body));
  erase_if(body, "stream", false);  // default
  return body;
}

}  // namespace

const RequestConverter& cohere_chat_requests() {
  static const RequestConverter kConverter = {"cohere-chat", convert, normalise, kNamed};
  return kConverter;
}

}  // namespace aiw::tools
