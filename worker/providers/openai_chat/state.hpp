// Provider states of Chat Completions parts: each an object with one member.
#pragma once

#include <string>
#include <string_view>

#include "worker/providers/codec/provider_state.hpp"

namespace aiw::openai_chat {

inline constexpr std::string_view kStateTag = "openai-chat:";

inline std::string make_state(std::string_view member, std::string_view value) {
  return aiw::make_state(kStateTag, member, value);
}

}  // namespace aiw::openai_chat
