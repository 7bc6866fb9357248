// Ollama's chat: https://github.com/ollama/ollama/blob/main/docs/api.md
#include <array>

#include "tools/replay/requests/converter.hpp"
#include "tools/replay/requests/function_tool.hpp"
#include "tools/replay/requests/ollama_fields.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

constexpr auto kNamed = with_ollama_fields(std::to_array<std::string_view>({"/messages", "/tools"}));

// Calls have no ids on this wire. This class numbers them, and assigns results to them in order.
class MessageConverter {
 public:
  json convert(const json& message) {
    const std::string role = message.at("role");
    if (role == "tool") return result(message);
    json parts = json::array();
    if (const json content = message.value("content", json()); content != "") {
      parts.push_back({{"type", "text"}, {"text", content}});
    }
    for (const auto& image : message.value("images", json::array())) {
      parts.push_back({{"type", "image"}, {"mediaType", "image/png"}, {"data", image}});
    }
    for (const auto& call : message.value("tool_calls", json::array())) {
      const json& function = call.at("function");
      parts.push_back({{"type", "tool-call"},
                       {"toolCallId", "call_" + std::to_string(calls_++)},
                       {"toolName", function.at("name")},
                       {"input", function.at("arguments")}});
    }
    return {{"role", role}, {"content", parts}};
  }

 private:
  json result(const json& message) {
    json part = {{"type", "tool-result"},
                 {"toolCallId", "call_" + std::to_string(results_++)},
                 {"toolName", message.value("tool_name", "")}};
    part["output"] = {{"type", "text"}, {"value", message.at("content")}};
    return {{"role", "tool"}, {"content", {part}}};
  }

  int calls_ = 0;
  int results_ = 0;
};

ConvertedRequest convert(const RecordedRequest& recorded) {
  ConvertedRequest out;
  out.base_path = recorded.path.substr(0, recorded.path.find("/api/chat"));
  json body = recorded.body;
  out.model = take(body, "model");
  json& payload = out.payload;
  payload["messages"] = json::array();
  MessageConverter messages;
  for (const auto& message : take(body, "messages")) payload["messages"].push_back(messages.convert(message));
  for (const auto& tool : take(body, "tools")) payload["tools"].push_back(to_function_tool(tool));
  convert_ollama_rest(std::move(body), payload);
  return out;
}

}  // namespace

const RequestConverter& ollama_chat_requests() {
  static const RequestConverter kConverter = {"ollama-chat", convert, normalise_ollama, kNamed};
  return kConverter;
}

}  // namespace aiw::tools
