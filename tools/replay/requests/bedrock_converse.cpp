// Converse and ConverseStream: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
#include <array>

#include "tools/replay/requests/bedrock_path.hpp"
#include "tools/replay/requests/converter.hpp"
#include "tools/replay/requests/json_fields.hpp"
#include "worker/base/base64.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 11> kNamed = {
    "/messages",
    "/system",
    "/inferenceConfig",
    "/toolConfig",
    "/outputConfig",
    "/additionalModelRequestFields/thinking",
    "/additionalModelRequestFields/reasoning_config",
    "/additionalModelRequestFields/reasoning_effort",
    "/additionalModelRequestFields/reasoningConfig",
    "/additionalModelRequestFields/top_k",
    "/additionalModelRequestFields/inferenceConfig/topK",
};

std::string document_type(const std::string& format) {
  if (format == "txt") return "text/plain";
  if (format == "md") return "text/markdown";
  return format == "pdf" ? "application/pdf" : "text/" + format;
}

json to_document(const json& document) {
  const std::string format = document.at("format");
  const json& source = document.at("source");
  return {
      {"type", "file"},
      {"mediaType", document_type(format)},
      {"filename", document.at("name").get<std::string>() + "." + format},
      {"data", source.contains("text") ? json(base64_encode(source["text"].get<std::string>())) : source.at("bytes")}};
}

// Returns the part's state in the format that a parent would have received.
std::string state_of(const json& content) { return "bedrock-converse:" + content.dump(-1, ' ', true); }

json to_part(const json& block) {
  if (block.contains("text")) return {{"type", "text"}, {"text", block["text"]}};
  if (block.contains("image")) {
    const json& image = block["image"];
    return {{"type", "image"},
            {"mediaType", "image/" + image.at("format").get<std::string>()},
            {"data", image.at("source").at("bytes")}};
  }
  if (block.contains("document")) return to_document(block["document"]);
  // The protocol has no name for it; only its text is kept.
  if (block.contains("guardContent")) return {{"type", "text"}, {"text", block["guardContent"].at("text").at("text")}};
  throw std::runtime_error("no part of ours is a " + block.dump());
}

json to_output(const json& content) {
  if (content.size() == 1 && content[0].contains("text")) return {{"type", "text"}, {"value", content[0]["text"]}};
  if (content.size() == 1 && content[0].contains("json")) return {{"type", "json"}, {"value", content[0]["json"]}};
  json parts = json::array();
  for (const auto& block : content) parts.push_back(to_part(block));
  return {{"type", "content"}, {"value", parts}};
}

json to_result(const json& result) {
  json output = to_output(result.at("content"));
  if (result.value("status", "success") == "error") {
    output["type"] = output["type"] == "json" ? "error-json" : "error-text";
  }
  return {{"type", "tool-result"}, {"toolCallId", result.at("toolUseId")}, {"toolName", ""}, {"output", output}};
}

json to_assistant_part(const json& block) {
  if (block.contains("reasoningContent")) {
    const json& reasoning = block["reasoningContent"].at("reasoningText");
    return {{"type", "reasoning"},
            {"text", reasoning.at("text")},
            {"providerState", state_of({{"signature", reasoning.at("signature")}})}};
  }
  // Blocks of tools that the provider ran itself stay unchanged.
  const bool is_own = block.contains("toolUse") && block["toolUse"].value("type", "") == "server_tool_use";
  if (is_own || block.contains("toolResult")) {
    return {{"type", "provider"}, {"providerState", state_of({{"block", block}})}};
  }
  if (!block.contains("toolUse")) return to_part(block);
  const json& use = block["toolUse"];
  return {{"type", "tool-call"},
          {"toolCallId", use.at("toolUseId")},
          {"toolName", use.at("name")},
          {"input", use.at("input")}};
}

json cache_mark(const json& point) { return point.at("cachePoint").value("ttl", json(true)); }

json to_message(const json& message) {
  const bool assistant = message.at("role") == "assistant";
  json parts = json::array();
  for (const auto& block : message.at("content")) {
    if (block.contains("cachePoint")) {
      parts.back()["cache"] = cache_mark(block);
    } else if (assistant) {
      parts.push_back(to_assistant_part(block));
    } else {
      parts.push_back(block.contains("toolResult") ? to_result(block["toolResult"]) : to_part(block));
    }
  }
  return {{"role", message["role"]}, {"content", parts}};
}

json to_system(const json& system) {
  json parts = json::array();
  for (const auto& block : system) {
    if (block.contains("cachePoint")) {
      parts.back()["cache"] = cache_mark(block);
    } else {
      parts.push_back(to_part(block));
    }
  }
  return {{"role", "system"}, {"content", parts}};
}

json to_tool(const json& tool) {
  if (!tool.contains("toolSpec")) return {{"definition", tool}, {"executor", "provider"}};
  const json& spec = tool["toolSpec"];
  json out = {{"name", spec.at("name")}, {"inputSchema", spec.at("inputSchema").at("json")}, {"executor", "return"}};
  if (spec.contains("description")) out["description"] = spec["description"];
  if (spec.contains("strict")) out["strict"] = spec["strict"];
  return out;
}

void read_tools(json config, json& payload) {
  for (const auto& tool : take(config, "tools")) {
    if (tool.contains("cachePoint")) {
      payload["tools"].back()["cache"] = cache_mark(tool);
    } else {
      payload["tools"].push_back(to_tool(tool));
    }
  }
  const json choice = take(config, "toolChoice");
  if (choice.is_null()) return;
  if (choice.contains("auto")) payload["toolChoice"] = "auto";
  if (choice.contains("any")) payload["toolChoice"] = "required";
  if (choice.contains("tool")) payload["toolChoice"] = {{"type", "tool"}, {"toolName", choice["tool"].at("name")}};
}

void read_inference(json config, json& payload) {
  move_field(config, "maxTokens", payload, "maxOutputTokens");
  move_field(config, "temperature", payload, "temperature");
  move_field(config, "topP", payload, "topP");
  move_field(config, "stopSequences", payload, "stopSequences");
}

void read_output(const json& config, json& payload) {
  if (config.is_null()) return;
  const json& format = config.at("textFormat").at("structure").at("jsonSchema");
  json out = {{"type", "json"}, {"schema", json::parse(format.at("schema").get<std::string>())}};
  if (format.contains("name")) out["name"] = format["name"];
  if (format.contains("description")) out["description"] = format["description"];
  payload["responseFormat"] = out;
}

// Returns the fields that have no name in our protocol.
json read_additional(json fields, json& payload) {
  for (const char* name : {"thinking", "reasoning_config"}) {
    const json thinking = take(fields, name);
    if (!thinking.is_null()) payload["reasoning"]["budgetTokens"] = thinking.at("budget_tokens");
  }
  if (json effort = take(fields, "reasoning_effort"); !effort.is_null()) payload["reasoning"]["effort"] = effort;
  move_field(fields, "top_k", payload, "topK");
  if (json config = take(fields, "inferenceConfig"); !config.is_null()) {
    move_field(config, "topK", payload, "topK");
    if (!config.empty()) fields["inferenceConfig"] = config;
  }
  return fields;
}

ConvertedRequest convert(const RecordedRequest& recorded) {
  ConvertedRequest out;
  out.model = bedrock_model(recorded.path);
  json body = recorded.body;
  json& payload = out.payload;
  payload["stream"]["upstream"] = recorded.path.ends_with("-stream");
  payload["messages"] = json::array();
  if (const json system = take(body, "system"); !system.empty()) payload["messages"].push_back(to_system(system));
  for (const auto& message : take(body, "messages")) payload["messages"].push_back(to_message(message));
  read_inference(take(body, "inferenceConfig"), payload);
  read_tools(take(body, "toolConfig"), payload);
  read_output(take(body, "outputConfig"), payload);
  const json rest = read_additional(take(body, "additionalModelRequestFields"), payload);
  if (!rest.empty()) body["additionalModelRequestFields"] = rest;
  leave_to_provider_options(std::move(body), payload);
  return out;
}

void normalise_block(json& block) {
  if (block.contains("toolResult") && block["toolResult"].value("status", "") == "success") {
    block["toolResult"].erase("status");  // ToolResultBlock: the default is success
  }
  // DocumentSource: a text is equivalent to the bytes of the same text.
  if (block.contains("document") && block["document"]["source"].contains("text")) {
    json& source = block["document"]["source"];
    source = {{"bytes", base64_encode(source["text"].get<std::string>())}};
  }
}

json normalise(json body) {
  body = without_nulls(std::move(body));
  // All of these are optional, and equivalent to absence when empty.
  for (const char* name : {"system", "inferenceConfig", "additionalModelRequestFields"}) {
    if (body.contains(name) && body[name].empty()) body.erase(name);
  }
  for (auto& message : body["messages"]) {
    for (auto& block : message["content"]) normalise_block(block);
  }
  // ToolChoice: auto is the default.
  if (body.contains("toolConfig") && body["toolConfig"].value("toolChoice", json()).contains("auto")) {
    body["toolConfig"].erase("toolChoice");
  }
  const json::json_pointer schema("/outputConfig/textFormat/structure/jsonSchema/schema");
  if (body.contains(schema)) body[schema] = json::parse(body[schema].get<std::string>());  // JSON in a string
  return body;
}

}  // namespace

const RequestConverter& bedrock_converse_requests() {
  static const RequestConverter kConverter = {"bedrock-converse", convert, normalise, kNamed, plain_bedrock_path};
  return kConverter;
}

}  // namespace aiw::tools
