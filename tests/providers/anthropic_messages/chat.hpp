// Chat lines as tests write them, and what is sent for them to the Messages API.
#pragma once

#include <doctest/doctest.h>

#include <expected>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/decode.hpp"
#include "tests/providers/strict_json.hpp"
#include "worker/providers/wire_apis.hpp"

namespace aiw::testing {

using nlohmann::json;

struct Chat {
  [[nodiscard]] std::expected<BuiltRequest, Error> build(bool offer_tools = true) const {
    return anthropic_messages::kApi.build(
        {.chat = *request, .messages = request->messages, .target = target, .offer_tools = offer_tools});
  }

  std::unique_ptr<ChatRequest> request;
  Target target;
};

// Compilers differ on whether braces around one value make a list of it.
inline json as_list(const json& value) { return value.is_object() ? json::array({value}) : value; }

// A chat line decoded as the worker does it, and the target it goes to.
inline Chat chat_of(json payload) {
  if (payload.contains("tools")) payload["tools"] = as_list(payload["tools"]);
  payload["messages"] = as_list(payload["messages"]);
  for (json& message : payload["messages"]) message["content"] = as_list(message["content"]);
  const json line = {{"id", "1"}, {"type", "chat"}, {"payload", payload}};
  auto decoded = decode_line({line.dump(), false});
  REQUIRE(std::holds_alternative<std::unique_ptr<ChatRequest>>(decoded));
  Target target;
  target.provider_id = "anthropic";
  target.model = "claude-sonnet-4-5";
  target.api = Api::anthropic_messages;
  target.base_url = "https://api.anthropic.com";
  target.api_key = "sk-test";
  target.auth = Auth::x_api_key;
  return {std::get<std::unique_ptr<ChatRequest>>(std::move(decoded)), std::move(target)};
}

inline std::string body_text(const Chat& chat, bool offer_tools = true) {
  auto built = chat.build(offer_tools);
  REQUIRE(built);
  return built->http.body.str();
}

inline json sent(const Chat& chat, bool offer_tools = true) { return parse_strictly(body_text(chat, offer_tools)); }
inline json body_of(const json& payload) { return sent(chat_of(payload)); }

inline std::vector<std::string> notes_of(const Chat& chat) {
  const auto built = chat.build();
  REQUIRE(built);
  std::vector<std::string> codes;
  for (const auto& note : built->notes) codes.push_back(note.code);
  return codes;
}

inline json with_model(const json& payload, std::string model) {
  Chat chat = chat_of(payload);
  chat.target.model = std::move(model);
  return sent(chat);
}

inline json user(const json& content) { return {{"role", "user"}, {"content", content}}; }
inline json assistant(const json& content) { return {{"role", "assistant"}, {"content", content}}; }
inline json tool(const json& content) { return {{"role", "tool"}, {"content", content}}; }
inline json text(std::string_view value) { return {{"type", "text"}, {"text", value}}; }
inline json call(std::string_view id, const json& input = json::object()) {
  return {{"type", "tool-call"}, {"toolCallId", id}, {"toolName", "f"}, {"input", input}};
}
inline json result(std::string_view id, const json& output) {
  return {{"type", "tool-result"}, {"toolCallId", id}, {"toolName", "f"}, {"output", output}};
}
inline json text_output(std::string_view value) { return {{"type", "text"}, {"value", value}}; }
inline json weather_tool() {
  return {{"name", "weather"}, {"description", "Tells the weather"}, {"inputSchema", {{"type", "object"}}}};
}

}  // namespace aiw::testing
