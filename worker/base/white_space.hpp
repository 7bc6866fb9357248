// White space of JSON (RFC 8259, section 2); also used for lines received from the network.
#pragma once

#include <algorithm>
#include <string_view>

namespace aiw {

inline constexpr std::string_view kWhiteSpace = " \t\r\n";

inline bool is_blank(std::string_view text) { return text.find_first_not_of(kWhiteSpace) == std::string_view::npos; }

// Returns `text` without leading and trailing white space.
inline std::string_view trim(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kWhiteSpace), text.size()));
  return text.substr(0, text.find_last_not_of(kWhiteSpace) + 1);  // npos + 1 is 0
}

}  // namespace aiw
