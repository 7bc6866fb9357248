// Reads the payload of a `chat` line.
#pragma once

#include <cstdint>

#include "protocol/chat.hpp"
#include "protocol/json_reader.hpp"

namespace aiw {

inline constexpr std::int64_t kMaxMs = std::int64_t{24} * 3600 * 1000;  // maximum of every duration in a request (24 h)

// Reads one object. Errors are reported through the reader.
void read_chat(JsonReader& in, ChatRequest& chat);

}  // namespace aiw
