// The keys that are in use now, so that no error and no log line repeats one, whoever brought the text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.hpp"

namespace aiw {

// Shorter values are words ("ollama"), which texts need.
inline constexpr std::size_t kShortestLiveSecret = 8;

// The forms in which others may say a value again: as it is, its last word ("Bearer TOKEN") and that without a name
// before it ("session=TOKEN"), the user and the password that Basic credentials hold, and each as a URL has it.
std::vector<std::string> secret_forms(std::string_view value);

// Its value in all its forms is taken out of texts for as long as this or a copy lives. Any thread.
class LiveSecret {
 public:
  explicit LiveSecret(std::string_view value);

 private:
  std::shared_ptr<const void> kept_;
};

// `text`, or its first `at_most` bytes, with "[redacted]" in place of every live secret (see redacted). The time
// depends on the text, and on the secrets that begin with the same eight bytes where it has such a beginning.
std::string without_live_secrets(std::string_view text, std::size_t at_most = std::string_view::npos);
// The same for what an upstream may have put into an error: its message, code and request id; and for its URL.
Error without_live_secrets(Error error);

}  // namespace aiw
