// Members of the provider states of Cohere's parts.
#pragma once

#include <string_view>

namespace aiw::cohere_chat {

inline constexpr std::string_view kStateTag = "cohere-chat:";
inline constexpr std::string_view kThinkingType =
    "thinking";                                         // `type` of a thinking block, whose text is the part's own
inline constexpr std::string_view kPlan = "tool_plan";  // the model's plan before its tool calls

}  // namespace aiw::cohere_chat
