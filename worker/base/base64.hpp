// Base64 and base64url (RFC 4648, 4 and 5).
#pragma once

#include <string>
#include <string_view>

namespace aiw {

std::string base64_encode(std::string_view bytes);  // with padding
// The URL-safe alphabet without padding, as JSON Web Signatures want it (RFC 7515, 2).
std::string base64url_encode(std::string_view bytes);

// Replaces `out` with the bytes of `text` in either alphabet, padded or not. False, and `out` is unspecified, if `text`
// is no base64: another character, white space too, a length that no bytes have, or bits set past the last byte.
[[nodiscard]] bool base64_decode(std::string_view text, std::string& out);

}  // namespace aiw
