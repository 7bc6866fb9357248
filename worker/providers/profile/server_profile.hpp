// What a server accepts in a conversation and its tools, as data. What differs between servers of one wire API is here,
// not in the builders: a chat is adapted to its target's profile before it is built (adapted_chat.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "worker/providers/provider.hpp"

namespace aiw {

// The strings that a server takes in some place.
struct WordRule {
  enum class Charset { any, word, identifier, dotted, alphanumeric };
  // word: letters, digits, `_` and `-`. identifier: letters, digits and `_`, no digit first. dotted: word, `.` and `:`,
  // first a letter or `_`. alphanumeric: letters and digits.
  Charset charset = Charset::any;
  std::size_t most = 0;   // bytes; 0: any number
  std::size_t exact = 0;  // bytes; 0: any number up to `most`
};

struct ServerProfile {
  WordRule call_ids{};
  // Tool names that a history holds and the request does not define: models invent some.
  WordRule called_names{.charset = WordRule::Charset::word, .most = 64};
  // Only one system message, and only as the first: the others are merged into it or become user text.
  bool one_system = false;
  bool alternating_roles = false;  // user messages that follow one another are joined
  bool user_after_result = true;   // else a turn of the assistant stands between
  bool empty_assistant = true;     // else a message without text and calls is left out
  bool thinking_last = true;       // a turn of the assistant may end with its thinking
  bool mute_errors = true;         // a failed call's result may be without words
  bool unsigned_thinking = false;  // thinking goes back to it as it came, signed or not
  bool structured_output = true;   // Claude's output_config.format and strict tools, where the model has them
  bool schema_combinators = true;  // oneOf, anyOf, allOf at the top of a tool's schema
  bool schema_properties = false;  // that object must have `properties`
  std::size_t most_tools = 0;      // 0: any number
  std::span<const std::string_view> image_types{};  // by their bytes; empty: any
};

// By the target's wire API, provider and model.
ServerProfile server_profile(const Target& target);

// Whether the string fits the rule.
bool fits(const WordRule& rule, std::string_view text);
// A string that does, always the same for the same text, and others for others.
std::string fitted(const WordRule& rule, std::string_view text);

}  // namespace aiw
