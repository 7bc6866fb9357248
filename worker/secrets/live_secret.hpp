// Registry of the keys in use. It keeps errors and log lines from repeating a key, whatever the source of the text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/config.hpp"
#include "protocol/error.hpp"

namespace aiw {

// Minimum length of a redacted value. Shorter values are common words ("ollama"), which texts need.
inline constexpr std::size_t kShortestLiveSecret = 8;
// Maximum length of a key in a text, with each byte as a JSON escape (\u0041). A text that will be cut must be searched
// this far beyond the cut.
inline constexpr std::size_t kLongestEscapedKey = 6 * kMaxKeyBytes;

// Returns the forms in which another program may repeat a value: the value itself, its last word ("Bearer TOKEN"), that
// word without a name ("session=TOKEN"), and the user:password pair and the password of Basic credentials. Each form is
// also returned URL-encoded.
std::vector<std::string> secret_forms(std::string_view value);

// While this object or a copy exists, without_live_secrets() removes its value in all forms. Any thread.
class LiveSecret {
 public:
  explicit LiveSecret(std::string_view value);

 private:
  std::shared_ptr<const void> kept_;
};

// Returns `text`, or its first `at_most` bytes, with "[redacted]" in place of every live secret (see redacted). The
// time depends on the text, and on the length of the secrets whose first and last eight bytes the text contains.
std::string without_live_secrets(std::string_view text, std::size_t at_most = std::string_view::npos);
// Redacts the error fields that may contain upstream text: message, provider code and request id. Also redacts the URL.
Error without_live_secrets(Error error);

}  // namespace aiw
