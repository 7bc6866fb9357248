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

// One blob that comes in pieces, each the base64 of some of its bytes. A piece costs its own length. If one of them is
// no base64, the pieces are taken for a text that was cut.
class Base64Joiner {
 public:
  void add(std::string_view piece);
  [[nodiscard]] bool empty() const { return text_.empty() && rest_.empty(); }
  // The blob's base64. A single piece comes out as it came in.
  std::string take();

 private:
  enum class Form { single, bytes, text };

  std::string text_;  // of whole groups of three bytes, if the form is `bytes`
  std::string rest_;  // the bytes of a group that is not whole yet
  std::string piece_;
  Form form_ = Form::single;
};

}  // namespace aiw
