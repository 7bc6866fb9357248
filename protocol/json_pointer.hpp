// JSON pointers (RFC 6901).
#pragma once

#include <string>
#include <string_view>

namespace aiw {

// A member's name as a token of a pointer.
std::string escape_pointer(std::string_view key);

}  // namespace aiw
