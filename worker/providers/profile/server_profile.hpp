// Table of what servers accept in a conversation and its tools. Differences between servers of one wire API belong
// here, not in the builders. A chat is adapted to its target's profile before its request is built (adapted_chat.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "worker/providers/profile/word_rule.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// Media of one kind that a server accepts.
struct MediaRule {
  bool any = true;                            // false: only `types`, checked against the bytes
  bool links = true;                          // accepts URLs
  std::span<const std::string_view> types{};  // media types, or prefixes that end in "/"
};

struct ServerProfile {
  WordRule call_ids{};
  bool unique_call_ids = false;  // parallel calls need different ids
  // Rule for tool names. It also applies to names in the history, because models invent some.
  WordRule tool_names{.charset = WordRule::Charset::word, .most = 64};
  // Accepts one system message, and only as the first. Others are merged into it or become user text.
  bool one_system = false;
  bool alternating_roles = false;  // consecutive user messages are joined
  bool user_after_result = true;   // false: an assistant turn is inserted before the user's, and results hold no media
  bool empty_assistant = true;     // false: a message without text and calls is left out
  bool blank_user = true;          // false: a user message of white space is left out
  bool assistant_last = true;      // the model continues the assistant's own text
  bool mute_errors = true;         // the result of a failed call may be empty
  bool thinking_last = true;       // an assistant turn may end with thinking
  bool unsigned_thinking = false;  // thinking is sent back as received, signed or not
  bool structured_output = true;   // Claude's output_config.format and strict tools, if the model has them
  bool schema_object = true;       // the root of a schema must have the type object
  bool schema_combinators = true;  // accepts oneOf, anyOf and allOf at the root of a tool's schema
  bool schema_properties = false;  // the root object must have `properties`
  bool schema_items = false;       // an array must have `items`
  bool schema_required = false;    // `required` names only known properties, and references begin with #/$defs/
  bool schema_typed = false;       // each schema has one `type`, or choices or a reference instead
  WordRule property_names{};
  std::size_t most_tools = 0;  // 0: any number
  std::size_t most_stops = 0;
  bool blank_stops = true;
  MediaRule images{}, audio{}, files{};
};

// Returns the profile for the target's wire API, provider and model.
ServerProfile server_profile(const Target& target);
// The same, without computing it again for an adapted chat.
ServerProfile server_profile(const StepInput& input);

}  // namespace aiw
