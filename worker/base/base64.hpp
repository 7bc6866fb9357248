// Base64 and base64url (RFC 4648, 4 and 5).
#pragma once

#include <string>
#include <string_view>

namespace aiw {

std::string base64_encode(std::string_view bytes);  // with padding
// URL-safe alphabet without padding, as in JSON Web Signatures (RFC 7515, 2).
std::string base64url_encode(std::string_view bytes);

// Replaces `out` with the bytes of `text`, in either alphabet, padded or not. Returns false, with `out` unspecified, if
// `text` is not base64. Invalid are: other characters (including white space), a length that no bytes encode to, and
// bits set after the last byte.
[[nodiscard]] bool base64_decode(std::string_view text, std::string& out);

// Joins a blob that arrives in pieces, each the base64 of some of its bytes. Adding a piece takes time linear in that
// piece. If a piece is not base64, the pieces are treated as one base64 text that was cut.
class Base64Joiner {
 public:
  void add(std::string_view piece);
  [[nodiscard]] bool empty() const { return text_.empty() && rest_.empty(); }
  // Returns the blob as base64. A single piece is returned unchanged.
  std::string take();

 private:
  enum class Form { single, bytes, text };

  std::string text_;  // if form_ is `bytes`: base64 of whole groups of three bytes
  std::string rest_;  // bytes of an incomplete group
  std::string piece_;
  Form form_ = Form::single;
};

}  // namespace aiw
