// What a server accepts in a conversation and its tools, as data. What differs between servers of one wire API is here,
// not in the builders: a chat is adapted to its target's profile before it is built (adapted_chat.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "worker/providers/profile/word_rule.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// Media of one kind that a server takes.
struct MediaRule {
  bool any = true;                            // else `types` only, by the bytes
  bool links = true;                          // URLs, too
  std::span<const std::string_view> types{};  // media types, or their beginnings, which end in "/"
};

struct ServerProfile {
  WordRule call_ids{};
  bool unique_call_ids = false;  // of calls side by side
  // Names of tools, those that a history holds included: models invent some.
  WordRule tool_names{.charset = WordRule::Charset::word, .most = 64};
  // Only one system message, and only as the first: the others are merged into it or become user text.
  bool one_system = false;
  bool alternating_roles = false;  // user messages that follow one another are joined
  bool user_after_result = true;   // else a turn of the assistant stands between, and results hold no media
  bool empty_assistant = true;     // else a message without text and calls is left out
  bool blank_user = true;          // else a user's message of white space is left out
  bool assistant_last = true;      // the model goes on from the assistant's own words
  bool mute_errors = true;         // a failed call's result may be without words
  bool thinking_last = true;       // a turn of the assistant may end with its thinking
  bool unsigned_thinking = false;  // thinking goes back to it as it came, signed or not
  bool structured_output = true;   // Claude's output_config.format and strict tools, where the model has them
  bool schema_object = true;       // the top must say that it is an object
  bool schema_combinators = true;  // oneOf, anyOf, allOf at the top of a tool's schema
  bool schema_properties = false;  // that object must have `properties`
  bool schema_items = false;       // an array must say its `items`
  bool schema_required = false;    // what is required must be among the properties, and references begin with #/$defs/
  bool schema_typed = false;       // each schema has one `type`, or choices or a reference in its place
  WordRule property_names{};
  std::size_t most_tools = 0;  // 0: any number
  std::size_t most_stops = 0;
  bool blank_stops = true;
  MediaRule images{}, audio{}, files{};
};

// By the target's wire API, provider and model.
ServerProfile server_profile(const Target& target);
// The same, without computing it again for an adapted chat.
ServerProfile server_profile(const StepInput& input);

}  // namespace aiw
