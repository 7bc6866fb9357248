// JSON pointers (RFC 6901).
#pragma once

#include <string>
#include <string_view>

namespace aiw {

// Escapes a member name for use as one token of a pointer.
std::string escape_pointer(std::string_view key);

}  // namespace aiw
