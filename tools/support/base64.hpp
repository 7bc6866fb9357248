// Base64 with padding (RFC 4648, 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace aiw::tools {

std::string base64_encode(std::string_view bytes);
// Nothing if `text` is not base64; white space is not allowed.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace aiw::tools
