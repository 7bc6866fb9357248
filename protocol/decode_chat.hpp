// Reads the payload of a `chat` line.
#pragma once

#include <cstdint>

#include "protocol/chat.hpp"
#include "protocol/json_reader.hpp"

namespace aiw {

inline constexpr std::int64_t kMaxMs = std::int64_t{24} * 3600 * 1000;  // no time of ours is longer

// Reads one object; what is wrong with it is the reader's error.
void read_chat(JsonReader& in, ChatRequest& chat);

}  // namespace aiw
