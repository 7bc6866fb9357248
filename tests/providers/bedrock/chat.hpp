// Chats that go to Amazon Bedrock.
#pragma once

#include <string>
#include <utility>

#include "tests/providers/anthropic_messages/chat.hpp"
#include "worker/providers/wire_apis.hpp"

namespace aiw::testing {

inline constexpr const char* kClaude = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
inline constexpr const char* kNova = "us.amazon.nova-2-lite-v1:0";
inline constexpr const char* kLlama = "meta.llama3-2-1b-instruct-v1:0";

inline Chat bedrock_chat(const json& payload, std::string model = kClaude) {
  Chat chat = chat_of(payload);
  chat.target.provider_id = "bedrock";
  chat.target.model = std::move(model);
  chat.target.shown_as = chat.target.model;
  chat.target.api = Api::bedrock_converse;
  chat.target.base_url = "https://bedrock-runtime.us-east-1.amazonaws.com";
  chat.target.api_key = "key";
  chat.target.auth = Auth::bearer;
  return chat;
}

inline std::expected<BuiltRequest, Error> converse(const Chat& chat, bool offer_tools = true) {
  return bedrock::kConverseApi.build(
      {.chat = *chat.request, .messages = chat.request->messages, .target = chat.target, .offer_tools = offer_tools});
}

inline std::string converse_text(const Chat& chat, bool offer_tools = true) {
  const auto built = converse(chat, offer_tools);
  REQUIRE(built);
  return built->http.body.str();
}

inline json converse_body(const json& payload, std::string model = kClaude, bool offer_tools = true) {
  return parse_strictly(converse_text(bedrock_chat(payload, std::move(model)), offer_tools));
}

// The codes of the notes, and of what was dropped the name.
inline std::vector<std::string> converse_notes(const json& payload, std::string model = kClaude,
                                               bool offer_tools = true) {
  const auto built = converse(bedrock_chat(payload, std::move(model)), offer_tools);
  REQUIRE(built);
  std::vector<std::string> out;
  for (const auto& note : built->notes) {
    const bool dropped = note.code == "parameter_dropped";
    out.push_back(dropped ? note.message.substr(0, note.message.find(' ')) : note.code);
  }
  return out;
}

}  // namespace aiw::testing
