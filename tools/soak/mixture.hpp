// Kinds of chats in a soak: the request, the provider's response and the expected outcome of each kind.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "tools/support/upstream_server.hpp"

namespace aiw::tools {

enum class Kind { text, mock, tool, cancel, refused, retry, broken };
inline constexpr std::size_t kKinds = 7;

std::string_view name_of(Kind kind);
// Returns the kind of chat `number`: all kinds in rotation, text more often.
Kind kind_of(std::size_t number);

// Returns the line of chat `number`, with its line feed.
std::string chat_line(std::size_t number, Kind kind, const std::string& upstream_url);
// Upstream handler of all kinds. The kind is the first segment of the path.
Script answer(const Request& request);

// Outcome of the chat that this terminal frame ends: "done", another finish reason than stop, or an error code. "cut"
// is a `done` with an incomplete response.
std::string end_of(const nlohmann::json& frame, Kind kind);
bool is_right(std::string_view end, Kind kind);

}  // namespace aiw::tools
