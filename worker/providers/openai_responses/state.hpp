// Members of the provider states of Responses parts, each an object.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "worker/providers/codec/event_json.hpp"

namespace aiw::openai_responses {

inline constexpr std::string_view kStateTag = "openai-responses:";
// The whole output item, sent back unchanged. The `result` of an image is left out, because the file part holds it.
inline constexpr std::string_view kItem = "item";
// Members of a call's item that the part does not hold: id, namespace, caller.
inline constexpr std::string_view kCall = "call";
// Members of a text's message that the part does not hold: id, phase, status, annotations, and `refusal`.
inline constexpr std::string_view kText = "text";

// Returns the members of `object` that `leave_out` does not name, as JSON without braces.
std::string other_members(const EventJson& json, const JsonElement& object,
                          std::initializer_list<std::string_view> leave_out);

}  // namespace aiw::openai_responses
