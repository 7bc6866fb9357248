// Gemini's generateContent for AI Studio and Vertex AI: https://ai.google.dev/api/generate-content
#include <algorithm>
#include <array>
#include <cctype>

#include "tools/replay/requests/converter.hpp"
#include "tools/replay/requests/json_fields.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 19> kNamed = {
    "/contents",
    "/systemInstruction",
    "/tools",
    "/toolConfig/functionCallingConfig/mode",
    "/generationConfig/temperature",
    "/generationConfig/topP",
    "/generationConfig/topK",
    "/generationConfig/maxOutputTokens",
    "/generationConfig/seed",
    "/generationConfig/stopSequences",
    "/generationConfig/frequencyPenalty",
    "/generationConfig/presencePenalty",
    "/generationConfig/responseLogprobs",
    "/generationConfig/responseMimeType",
    "/generationConfig/responseSchema",
    "/generationConfig/responseJsonSchema",
    "/generationConfig/thinkingConfig/thinkingBudget",
    "/generationConfig/thinkingConfig/thinkingLevel",
    "/stream",
};

std::string to_camel(const std::string& name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool hump = name[i] == '_' && i + 1 < name.size();
    out += hump ? static_cast<char>(std::toupper(static_cast<unsigned char>(name[++i]))) : name[i];
  }
  return out;
}

// ProtoJSON parsers accept a field's lowerCamelCase name and its original name (protobuf.dev/programming-guides/json).
// Values that are not messages of the API keep their names.
json with_camel_names(const json& value) {
  constexpr std::array<std::string_view, 7> kOpaque = {
      "args", "response", "parametersJsonSchema", "responseJsonSchema", "default", "example", "enum"};
  if (value.is_array()) {
    json out = json::array();
    for (const auto& item : value) out.push_back(with_camel_names(item));
    return out;
  }
  if (!value.is_object()) return value;
  json out = json::object();
  for (const auto& [key, member] : value.items()) {
    const std::string name = to_camel(key);
    if (std::ranges::find(kOpaque, name) != kOpaque.end()) {
      out[name] = member;
    } else if (name == "properties" && member.is_object()) {
      for (const auto& [property, schema] : member.items()) out[name][property] = with_camel_names(schema);
      if (member.empty()) out[name] = json::object();
    } else {
      out[name] = with_camel_names(member);
    }
  }
  return out;
}

std::string state_of(const json& fields) { return "gemini:" + fields.dump(-1, ' ', true); }

// Stores these fields as the part's state, in the same form as the decoder.
void move_state(json& part, json& out) {
  json state = json::object();
  move_field(part, "thought", state, "thought");
  move_field(part, "thoughtSignature", state, "thoughtSignature");
  if (!state.empty()) out["providerState"] = state_of(state);
}

json to_media(json part) {
  json out;
  json media = take(part, "inlineData");
  const bool is_inline = !media.is_null();
  if (!is_inline) media = take(part, "fileData");
  const std::string type = media.value("mimeType", "");
  out["type"] = type.starts_with("image/") ? "image" : type.starts_with("audio/") ? "audio" : "file";
  move_field(media, "mimeType", out, "mediaType");
  move_field(media, is_inline ? "data" : "fileUri", out, is_inline ? "data" : "url");
  move_state(part, out);
  if (!part.empty() || !media.empty()) throw std::runtime_error("more of a part: " + part.dump() + media.dump());
  return out;
}

// Without ids on the wire, calls and results match by name and order. Our protocol needs ids, so this class creates the
// same ids as the decoder.
class CallIds {
 public:
  std::string of_call(const json& call) {
    if (call.contains("id")) return call.at("id");
    open_.emplace_back(call.at("name"), "call_" + std::to_string(made_++));
    return open_.back().second;
  }
  std::string of_result(const json& response) {
    if (response.contains("id")) return response.at("id");
    const std::string name = response.at("name");
    const auto found = std::ranges::find(open_, name, &std::pair<std::string, std::string>::first);
    if (found == open_.end()) throw std::runtime_error("a result of no call: " + name);
    std::string id = found->second;
    open_.erase(found);
    return id;
  }

 private:
  std::vector<std::pair<std::string, std::string>> open_;
  int made_ = 0;
};

json to_model_part(json part, CallIds& ids) {
  for (const char* own : {"executableCode", "codeExecutionResult", "toolCall", "toolResponse"}) {
    if (part.contains(own)) return {{"type", "provider"}, {"providerState", state_of({{"part", part}})}};
  }
  if (part.contains("inlineData") || part.contains("fileData")) return to_media(std::move(part));
  json out;
  if (json call = take(part, "functionCall"); !call.is_null()) {
    out = {{"type", "tool-call"}, {"toolCallId", ids.of_call(call)}, {"toolName", call.at("name")}};
    out["input"] = call.value("args", json::object());
  } else {
    out = {{"type", part.value("thought", false) ? "reasoning" : "text"}, {"text", part.value("text", "")}};
    part.erase("text");
  }
  move_state(part, out);
  if (!part.empty()) throw std::runtime_error("no part of ours is " + part.dump());
  return out;
}

json to_result(json response, CallIds& ids) {
  json out = {{"type", "tool-result"}, {"toolCallId", ids.of_result(response)}, {"toolName", response.at("name")}};
  const json parts = take(response, "parts");
  if (parts.is_null()) {
    out["output"] = {{"type", "json"}, {"value", response.at("response")}};
    return out;
  }
  // A result with media becomes content parts: the text in response.output, then the media.
  json content = json::array();
  const json text = response.at("response").value("output", json());
  if (text.is_string()) content.push_back({{"type", "text"}, {"text", text}});
  for (const auto& part : parts) content.push_back(to_media(part));
  out["output"] = {{"type", "content"}, {"value", content}};
  return out;
}

// Adds a part to the last message if the role matches. Consecutive contents of one role are one turn.
void add_part(json& messages, const std::string& role, json part) {
  if (messages.empty() || messages.back()["role"] != role) {
    messages.push_back({{"role", role}, {"content", json::array()}});
  }
  messages.back()["content"].push_back(std::move(part));
}

json to_messages(const json& contents) {
  json messages = json::array();
  CallIds ids;
  for (const auto& content : contents) {
    const bool model = content.value("role", "user") == "model";
    for (const auto& part : content.at("parts")) {
      if (model) {
        add_part(messages, "assistant", to_model_part(part, ids));
      } else if (part.contains("functionResponse")) {
        add_part(messages, "tool", to_result(part.at("functionResponse"), ids));
      } else if (part.contains("text")) {
        add_part(messages, "user", {{"type", "text"}, {"text", part.at("text")}});
      } else {
        add_part(messages, "user", to_media(part));
      }
    }
  }
  return messages;
}

void convert_tools(json tools, json& payload) {
  for (auto& entry : tools) {
    const json declarations = take(entry, "functionDeclarations");
    for (json function : declarations) {
      json tool = {{"executor", "return"}};
      move_field(function, "name", tool, "name");
      move_field(function, "description", tool, "description");
      move_field(function, "parameters", tool, "inputSchema");
      move_field(function, "parametersJsonSchema", tool, "inputSchema");
      if (!function.empty()) throw std::runtime_error("more of a function: " + function.dump());
      payload["tools"].push_back(std::move(tool));
    }
    if (!entry.empty()) payload["tools"].push_back({{"definition", entry}, {"executor", "provider"}});
  }
}

void convert_calling(json& body, json& payload) {
  if (!body.contains("toolConfig") || !body["toolConfig"].contains("functionCallingConfig")) return;
  json& calling = body["toolConfig"]["functionCallingConfig"];
  const json mode = take(calling, "mode");
  const json names = calling.value("allowedFunctionNames", json::array());
  if (mode == "ANY" && names.size() == 1) {
    payload["toolChoice"] = {{"type", "tool"}, {"toolName", names[0]}};
    calling.erase("allowedFunctionNames");
  } else if (mode == "VALIDATED") {
    for (auto& tool : payload["tools"]) tool["strict"] = true;
  } else if (!mode.is_null()) {
    payload["toolChoice"] = mode == "ANY" ? "required" : mode == "NONE" ? "none" : "auto";
  }
  if (calling.empty()) body["toolConfig"].erase("functionCallingConfig");
}

void convert_thinking(json& config, json& payload) {
  json thinking = take(config, "thinkingConfig");
  if (thinking.is_null()) return;
  move_field(thinking, "thinkingBudget", payload["reasoning"], "budgetTokens");
  if (const json level = take(thinking, "thinkingLevel"); level.is_string()) {
    std::string effort = level;
    std::ranges::transform(effort, effort.begin(), [](unsigned char c) { return std::tolower(c); });
    payload["reasoning"]["effort"] = effort;
  }
  // The worker requests thoughts from a model that is to reason; that flag has no name in our protocol.
  const json shown = take(thinking, "includeThoughts");
  const bool reasons = !payload["reasoning"].is_null();
  if (!reasons) payload.erase("reasoning");
  if (shown != reasons) thinking["includeThoughts"] = shown == true;
  if (!thinking.empty()) config["thinkingConfig"] = thinking;
}

void convert_config(json& body, json& payload) {
  if (!body.contains("generationConfig")) return;
  json& config = body["generationConfig"];
  move_field(config, "temperature", payload, "temperature");
  move_field(config, "topP", payload, "topP");
  move_field(config, "topK", payload, "topK");
  move_field(config, "maxOutputTokens", payload, "maxOutputTokens");
  move_field(config, "seed", payload, "seed");
  move_field(config, "stopSequences", payload, "stopSequences");
  move_field(config, "frequencyPenalty", payload, "frequencyPenalty");
  move_field(config, "presencePenalty", payload, "presencePenalty");
  move_field(config, "responseLogprobs", payload, "logprobs");
  if (payload.contains("topK")) payload["topK"] = payload["topK"].get<std::int64_t>();
  if (config.value("responseMimeType", "") == "application/json") {
    config.erase("responseMimeType");
    payload["responseFormat"] = {{"type", "json"}};
    move_field(config, "responseSchema", payload["responseFormat"], "schema");
    move_field(config, "responseJsonSchema", payload["responseFormat"], "schema");
  }
  convert_thinking(config, payload);
  if (config.empty()) body.erase("generationConfig");
}

// Removes the query that only selects the framing of a streamed response: events instead of an array. Replaces a
// placeholder for the location, which no URL may contain.
std::string normal_path(std::string path) {
  constexpr std::string_view kEvents = "?alt=sse", kPlaceholder = "<GOOGLE_CLOUD_LOCATION>";
  if (path.ends_with(kEvents)) path.resize(path.size() - kEvents.size());
  if (const auto at = path.find(kPlaceholder); at != std::string::npos)
    path.replace(at, kPlaceholder.size(), "LOCATION");
  return path;
}

// Reads the model and base path. The path is "/v1beta/models/M:generateContent", or a path of Vertex AI that names
// project and location.
void read_path(const std::string& path, ConvertedRequest& out) {
  const auto models = path.find("/models/");
  const auto model = path.substr(models + std::string("/models/").size());
  out.model = model.substr(0, model.find(':'));
  const auto projects = path.find("/projects/");
  out.base_path = path.substr(0, std::min(models, projects));
  if (projects == std::string::npos) return;
  const auto segment = [place = normal_path(path)](std::string_view name) {
    const auto at = place.find(name) + name.size();
    return place.substr(at, place.find('/', at) - at);
  };
  out.provider = {{"type", "vertex"}, {"project", segment("/projects/")}, {"region", segment("/locations/")}};
}

ConvertedRequest convert(const RecordedRequest& recorded) {
  ConvertedRequest out;
  read_path(recorded.path, out);
  json body = with_camel_names(recorded.body);
  json& payload = out.payload;
  const json system = take(body, "systemInstruction");
  if (system.is_object() && system.at("parts").is_array()) {
    for (const auto& part : system.at("parts")) {
      payload["messages"].push_back({{"role", "system"}, {"content", part.at("text")}});
    }
  }
  for (auto& message : to_messages(take(body, "contents"))) payload["messages"].push_back(message);
  convert_tools(take(body, "tools"), payload);
  convert_calling(body, payload);
  convert_config(body, payload);
  if (body.contains("toolConfig") && body["toolConfig"].empty()) body.erase("toolConfig");
  leave_to_provider_options(std::move(body), payload);
  return out;
}

// A function's or a response's schema has two exclusive fields: one for Google's dialect, whose types are an enum
// ("STRING"), and one for JSON Schema. A schema that is valid in both has the same meaning in both.
void name_schema(json& object, const char* google, const char* json_schema) {
  if (!object.contains(google)) return;
  const json type = object[google].value("type", json());
  const bool is_json_schema = type.is_string() && !type.get<std::string>().empty() &&
                              std::islower(static_cast<unsigned char>(type.get<std::string>().front())) != 0;
  if (is_json_schema) object[json_schema] = take(object, google);
}

json normal_contents(const json& contents) {
  json out = json::array();
  for (json content : contents) {
    for (auto& part : content["parts"]) {
      // A part with only a signature or a thought has an empty text: protobuf omits empty fields.
      if (part.contains("thought") && !part.contains("text")) part["text"] = "";
    }
    // Consecutive contents of one role are one turn: the API reads them in sequence.
    if (!out.empty() && out.back()["role"] == content["role"]) {
      for (auto& part : content["parts"]) out.back()["parts"].push_back(part);
    } else {
      out.push_back(content);
    }
  }
  return out;
}

json normalise(json body) {
  body = without_nulls(with_camel_names(body));
  body["contents"] = normal_contents(body["contents"]);
  if (body.contains("systemInstruction")) {
    json& system = body["systemInstruction"];
    system.erase("role");  // "ignored"
    // A single part may be written without its array. Empty text is equivalent to absence.
    if (system["parts"] == json{{"text", ""}}) body.erase("systemInstruction");
  }
  if (body.contains("tools")) {
    for (auto& entry : body["tools"]) {
      if (!entry.contains("functionDeclarations")) continue;
      for (auto& function : entry["functionDeclarations"]) {
        name_schema(function, "parameters", "parametersJsonSchema");
        if (function.value("description", "?").empty()) function.erase("description");  // default in protobuf
      }
    }
    if (body["tools"].empty()) body.erase("tools");
  }
  if (body.contains("generationConfig")) {
    json& config = body["generationConfig"];
    name_schema(config, "responseSchema", "responseJsonSchema");
    if (config.contains("thinkingConfig") && config["thinkingConfig"].value("includeThoughts", true) == false) {
      config["thinkingConfig"].erase("includeThoughts");  // default
    }
    if (config.empty()) body.erase("generationConfig");
  }
  if (body.contains("toolConfig") && body["toolConfig"].empty()) body.erase("toolConfig");
  return body;
}

}  // namespace

const RequestConverter& gemini_generate_requests() {
  static const RequestConverter kConverter = {"gemini-generate", convert, normalise, kNamed, normal_path};
  return kConverter;
}

}  // namespace aiw::tools
