// A chat line as tests write it, and what a wire API makes of it.
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
#include "worker/providers/provider.hpp"
#include "worker/providers/provider_defaults.hpp"

namespace aiw::testing {

// Decodes `payload` as the worker does and builds the request for `api`. The members may be changed before.
class WireChat {
 public:
  using json = nlohmann::json;

  WireChat(Api api, const json& payload) : api_(*wire_api(api)) {
    const json line = {{"id", "1"}, {"type", "chat"}, {"payload", payload}};
    auto decoded = decode_line({line.dump(), false});
    REQUIRE(std::holds_alternative<std::unique_ptr<ChatRequest>>(decoded));
    chat = std::get<std::unique_ptr<ChatRequest>>(std::move(decoded));
    target.api = api;
    target.model = target.shown_as = "model";
    target.base_url = "https://provider.example";
    target.auth = default_auth(api);
  }

  [[nodiscard]] std::expected<BuiltRequest, Error> build() const {
    return build_request(api_,
                         {.chat = *chat, .messages = chat->messages, .target = target, .offer_tools = offer_tools});
  }
  [[nodiscard]] BuiltRequest built() const {
    auto request = build();
    REQUIRE(request);
    return *std::move(request);
  }
  [[nodiscard]] std::string text() const { return built().http.body.str(); }
  [[nodiscard]] json body() const { return parse_strictly(text()); }
  // The codes of the notes.
  [[nodiscard]] std::vector<std::string> notes() const {
    std::vector<std::string> codes;
    for (const auto& note : built().notes) codes.push_back(note.code);
    return codes;
  }
  [[nodiscard]] std::string header(std::string_view name) const {
    for (const auto& header : built().http.headers) {
      if (header.name == name) return header.value;
    }
    return {};
  }

  std::unique_ptr<ChatRequest> chat;
  Target target;
  bool offer_tools = true;

 private:
  const WireApi& api_;
};

// `turns` messages of a conversation: each turn's body, up to its last message, begins the next one's. `open_end` is
// what closes a body whatever its last message.
inline void check_prefixes(Api api, const nlohmann::json& payload, std::string_view open_end) {
  nlohmann::json shorter = payload;
  shorter["messages"] = nlohmann::json::array();
  std::string before;
  for (const auto& message : payload.at("messages")) {
    shorter["messages"].push_back(message);
    const std::string now = WireChat(api, shorter).text();
    CAPTURE(now);
    REQUIRE(now.ends_with(open_end));
    if (!before.empty()) CHECK(now.starts_with(before));
    before = now.substr(0, now.size() - open_end.size());
  }
}

// `content`: a text, parts, or one part.
inline nlohmann::json says(std::string_view role, const nlohmann::json& content) {
  return {{"role", role}, {"content", content.is_object() ? nlohmann::json::array({content}) : content}};
}
inline nlohmann::json text_part(std::string_view text) { return {{"type", "text"}, {"text", text}}; }
inline nlohmann::json call_part(std::string_view id, const nlohmann::json& input) {
  return {{"type", "tool-call"}, {"toolCallId", id}, {"toolName", "f"}, {"input", input}};
}
inline nlohmann::json result_part(std::string_view id, std::string_view type, const nlohmann::json& value) {
  return {
      {"type", "tool-result"}, {"toolCallId", id}, {"toolName", "f"}, {"output", {{"type", type}, {"value", value}}}};
}

}  // namespace aiw::testing
