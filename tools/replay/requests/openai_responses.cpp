// Responses: https://platform.openai.com/docs/api-reference/responses/create
#include <array>

#include "tools/replay/requests/converter.hpp"
#include "tools/replay/requests/json_fields.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 14> kNamed = {
    "/input",
    "/instructions",
    "/model",
    "/stream",
    "/tools",
    "/temperature",
    "/top_p",
    "/tool_choice/name",  // an allowed_tools choice has no name in our protocol
    "/top_k",
    "/max_output_tokens",
    "/parallel_tool_calls",
    "/reasoning/effort",
    "/text/format",
    "/seed",
};

// Returns a state in the format that the worker uses in the parts of a response: printable ASCII.
std::string state_of(const char* member, const json& value) {
  return "openai-responses:" + json{{member, value}}.dump(-1, ' ', true);
}

json media_part(const char* type, const json& part, const char* url_field) {
  json out = {{"type", type}};
  if (part.contains("file_id")) out["fileId"] = part["file_id"];
  if (part.contains("filename")) out["filename"] = part["filename"];
  if (part.contains("file_data")) out["data"] = part["file_data"];
  if (part.contains(url_field)) out["url"] = part[url_field];
  return out;
}

json to_part(const json& part) {
  const std::string type = part.at("type");
  if (type == "input_image") return media_part("image", part, "image_url");
  if (type == "input_file") return media_part("file", part, "file_url");
  if (type != "input_text" && type != "output_text") throw std::runtime_error("no part of ours is a " + type);
  json out = {{"type", "text"}, {"text", part.at("text")}};
  if (part.contains("prompt_cache_breakpoint")) out["cache"] = "5m";
  return out;
}

json to_parts(const json& content) {
  if (content.is_string()) return {{{"type", "text"}, {"text", content}}};
  json parts = json::array();
  for (const auto& part : content) parts.push_back(to_part(part));
  return parts;
}

// Returns the text parts of a response message, each with the state that the worker keeps.
json to_answer_texts(json message) {
  json parts = to_parts(message.at("content"));
  const json contents = take(message, "content");
  for (const char* key : {"type", "role"}) message.erase(key);
  if (message.value("status", "completed") == "completed") message.erase("status");
  for (std::size_t i = 0; i < parts.size(); ++i) {
    json state = message;
    const json annotations = contents.is_array() ? contents[i].value("annotations", json()) : json();
    if (!annotations.empty()) state["annotations"] = annotations;
    if (!state.empty()) parts[i]["providerState"] = state_of("text", state);
  }
  return parts;
}

json to_function_call(json call) {
  const std::string text = take(call, "arguments");
  json input = json::parse(text, nullptr, false);
  if (input.is_discarded()) input = json::object();
  json part = {{"type", "tool-call"},
               {"toolCallId", take(call, "call_id")},
               {"toolName", take(call, "name")},
               {"input", input},
               {"inputText", text}};
  for (const char* key : {"type", "status"}) call.erase(key);
  if (!call.empty()) part["providerState"] = state_of("call", call);
  return part;
}

// Converts an item of a response to the parts that it has in the message of `done`.
json to_answer_parts(const json& item) {
  const std::string type = item.value("type", "message");
  if (type == "message") return to_answer_texts(item);
  if (type == "function_call") return json::array({to_function_call(item)});
  if (type == "reasoning") return {{{"type", "reasoning"}, {"text", ""}, {"providerState", state_of("item", item)}}};
  if (type == "tool_search_call" && item.value("execution", "") == "client") {
    return {{{"type", "tool-call"},
             {"toolCallId", item.at("call_id")},
             {"toolName", "tool_search"},
             {"input", item.at("arguments")},
             {"providerState", state_of("item", item)}}};
  }
  return {{{"type", "provider"}, {"providerState", state_of("item", item)}}};
}

json to_result(const json& item) {
  json part = {{"type", "tool-result"}, {"toolCallId", item.at("call_id")}, {"toolName", ""}};
  if (item.at("type") == "tool_search_output") {
    part["output"] = {{"type", "json"}, {"value", item.at("tools")}};
  } else if (item.at("output").is_array()) {
    part["output"] = {{"type", "content"}, {"value", to_parts(item["output"])}};
  } else {
    part["output"] = {{"type", "text"}, {"value", item["output"]}};
  }
  return {{"role", "tool"}, {"content", {part}}};
}

bool is_result(const json& item) {
  const std::string type = item.value("type", "");
  return type == "function_call_output" || (type == "tool_search_output" && item.value("execution", "") == "client");
}

void add_item(const json& item, json& messages) {
  const std::string role = item.value("role", "assistant");
  if (is_result(item)) {
    messages.push_back(to_result(item));
  } else if (role != "assistant" && item.value("type", "message") == "message") {
    messages.push_back({{"role", role == "developer" ? "system" : role}, {"content", to_parts(item.at("content"))}});
  } else {
    // Items of one response are one message.
    const bool continues = !messages.empty() && messages.back()["role"] == "assistant";
    if (!continues) messages.push_back({{"role", "assistant"}, {"content", json::array()}});
    for (auto& part : to_answer_parts(item)) messages.back()["content"].push_back(std::move(part));
  }
}

// Passes a tool in the API's own format if it is a tool of the API, or a function with fields that ours do not have.
json to_tool(const json& tool) {
  const bool is_function = tool.at("type") == "function" && !tool.contains("defer_loading");
  if (!is_function) {
    json out = {{"definition", tool}, {"executor", tool.contains("name") ? "return" : "provider"}};
    if (tool.contains("name")) out["name"] = tool["name"];
    return out;
  }
  json out = {{"name", tool.at("name")}, {"executor", "return"}, {"strict", true}};  // the API's default
  if (tool.value("strict", json()).is_boolean()) out["strict"] = tool["strict"];
  if (tool.contains("description")) out["description"] = tool["description"];
  if (tool.contains("parameters")) out["inputSchema"] = tool["parameters"];
  return out;
}

void take_tool_choice(json& body, json& payload) {
  const json choice = body.value("tool_choice", json());
  if (choice.is_object() && !choice.contains("name")) return;
  take(body, "tool_choice");
  if (choice.is_string()) payload["toolChoice"] = choice;
  if (choice.is_object()) payload["toolChoice"] = {{"type", "tool"}, {"toolName", choice.at("name")}};
}

void take_format(json& body, json& payload) {
  if (!body.contains("text")) return;
  json format = take(body["text"], "format");
  if (format.is_null() || format.at("type") == "text") return;  // default
  json out = {{"type", "json"}};
  if (format["type"] == "json_schema") {
    out["strict"] = false;  // the API's default
    for (const char* key : {"name", "description", "schema", "strict"}) move_field(format, key, out, key);
  }
  payload["responseFormat"] = out;
}

ConvertedRequest convert(const RecordedRequest& recorded) {
  ConvertedRequest out;
  out.base_path = recorded.path.substr(0, recorded.path.find("/responses"));
  if (recorded.provider == "azure" && recorded.path.starts_with("/openai/")) {
    constexpr std::string_view kVersion = "?api-version=";
    const auto version = recorded.path.find(kVersion);
    out.base_path.clear();
    out.provider["type"] = "azure-openai-responses";
    if (version != std::string::npos) out.provider["apiVersion"] = recorded.path.substr(version + kVersion.size());
  }
  json body = recorded.body;
  out.model = take(body, "model");
  json& payload = out.payload;
  payload["messages"] = json::array();
  const json input = take(body, "input");
  if (input.is_string()) payload["messages"].push_back({{"role", "user"}, {"content", input}});
  for (const auto& item : input.is_array() ? input : json::array()) add_item(item, payload["messages"]);
  for (const auto& tool : take(body, "tools")) payload["tools"].push_back(to_tool(tool));
  take_tool_choice(body, payload);
  take_format(body, payload);
  take(body, "stream");
  move_field(body, "instructions", payload, "system");
  move_field(body, "max_output_tokens", payload, "maxOutputTokens");
  move_field(body, "temperature", payload, "temperature");
  move_field(body, "top_p", payload, "topP");
  move_field(body, "parallel_tool_calls", payload, "parallelToolCalls");
  if (body.contains("reasoning") && body["reasoning"].is_object()) {
    if (json effort = take(body["reasoning"], "effort"); !effort.is_null()) payload["reasoning"]["effort"] = effort;
  }
  // The worker sends these two by default. null, in a merge patch, removes them.
  const json store = body.value("store", json()), include = body.value("include", json());
  leave_to_provider_options(std::move(body), payload);
  payload["providerOptions"]["store"] = store;
  payload["providerOptions"]["include"] = include;
  return out;
}

// String content is equivalent to one text of its role ("EasyInputMessage").
json plain_content(const json& content) {
  const bool one_text = content.is_array() && content.size() == 1 && content[0].contains("text") &&
                        content[0].size() == 2 && content[0].value("type", "") != "reasoning_text";
  return one_text ? content[0]["text"] : content;
}

void normalise_item(json& item) {
  // An item with a role and without a type is a "message".
  if (item.contains("role") && item.value("type", "") == "message") item.erase("type");
  // The API reads system messages of reasoning models as developer messages (the guide to reasoning: "developer
  // messages are the new system messages").
  if (item.value("role", "") == "developer" && !item.contains("type")) item["role"] = "system";
  // The API sets this in responses; it has no effect in requests.
  if (item.value("status", "") == "completed") item.erase("status");
  for (const char* field : {"content", "output"}) {
    if (!item.contains(field) || !item[field].is_array()) continue;
    for (auto& part : item[field]) {
      for (const char* empty : {"annotations", "logprobs"}) {
        if (part.contains(empty) && part[empty].empty()) part.erase(empty);
      }
      if (part.value("detail", "") == "auto") part.erase("detail");  // default
    }
    if (std::string_view(field) == "content") item[field] = plain_content(item[field]);
  }
}

// In strict mode, schemas are closed and all their properties are required. The API converts schemas that came without
// `strict` (the guide to function calling, "Strict mode": "Responses normalises your schema into strict mode").
void close_objects(json& schema) {
  if (schema.is_object() && schema.value("type", json()) == "object" && schema.contains("properties")) {
    schema["additionalProperties"] = false;
    schema["required"] = json::array();
    for (const auto& [name, property] : schema["properties"].items()) schema["required"].push_back(name);
  }
  if (!schema.is_structured()) return;
  for (auto& member : schema) close_objects(member);
}

void normalise_tool(json& tool) {
  if (tool.value("type", "") != "function" || tool.contains("strict")) return;
  tool["strict"] = true;  // default
  if (tool.contains("parameters")) close_objects(tool["parameters"]);
}

json normalise(json body) {
  body = without_nulls(std::move(body));
  json& input = body["input"];
  // "A text input to the model, equivalent to a text input with the user role."
  if (input.is_string()) input = json::array({{{"role", "user"}, {"content", input}}});
  for (auto& item : input) normalise_item(item);
  if (body.contains("tools")) {
    for (auto& tool : body["tools"]) normalise_tool(tool);
  }
  if (body.contains("text")) {
    json& text = body["text"];
    if (text.contains("format") && text["format"] == json{{"type", "text"}}) text.erase("format");  // default
    if (text.contains("format") && text["format"].value("strict", true) == false) text["format"].erase("strict");
    if (text.empty()) body.erase("text");
  }
  // Empty values are equivalent to absence.
  for (const char* empty : {"include", "reasoning", "tools"}) {
    if (body.contains(empty) && body[empty].empty()) body.erase(empty);
  }
  erase_if(body, "instructions", "");
  erase_if(body, "stream", false);
  return body;
}

}  // namespace

const RequestConverter& openai_responses_requests() {
  static const RequestConverter kConverter = {"openai-responses", convert, normalise, kNamed};
  return kConverter;
}

}  // namespace aiw::tools
