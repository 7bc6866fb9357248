// The kinds of chats that a soak mixes: what each asks, how its provider answers and how it must end.
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
// The kinds in turn, texts more often.
Kind kind_of(std::size_t number);

// The line of chat `number`, with its line feed.
std::string chat_line(std::size_t number, Kind kind, const std::string& upstream_url);
// The provider of all kinds; the kind is the path's first segment.
Script answer(const Request& request);

// How the chat of this terminal frame ended: "done", a finish reason other than stop, or an error's code; "cut" for a
// `done` without the whole answer.
std::string end_of(const nlohmann::json& frame, Kind kind);
bool is_right(std::string_view end, Kind kind);

}  // namespace aiw::tools
