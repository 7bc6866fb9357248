// Values that must not be seen again in what a tool says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "worker/base/live_secret.hpp"

namespace aiw {

class SecretValues {
 public:
  // `value`, and its last word: "Bearer TOKEN" may come back as TOKEN. What is shorter than a key is not kept.
  void add(std::string_view value);
  // With "[redacted]" in their place.
  [[nodiscard]] std::string remove_from(std::string text) const;
  // The same for a tool's output, {type, value}, whose type stays.
  [[nodiscard]] std::string remove_from_output(std::string output) const;

 private:
  void keep(std::string_view value);
  [[nodiscard]] std::size_t secret_length(std::string_view text, char first) const;
  std::vector<std::string> values_;
  std::vector<LiveSecret> live_;
};

}  // namespace aiw
