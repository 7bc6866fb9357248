// Values that must not be seen again in what a tool says.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "worker/secrets/live_secret.hpp"
#include "worker/secrets/value_finder.hpp"

namespace aiw {

// Not thread-safe, nor are copies of it.
class SecretValues {
 public:
  // `value` in all its forms (secret_forms). What is shorter than a key is not kept.
  void add(std::string_view value);
  // With "[redacted]" in their place (see redacted). The time is that of the text.
  [[nodiscard]] std::string remove_from(std::string_view text) const;
  // The same for its first `at_most` bytes. If there are more, what may be a value's beginning at the cut goes, too.
  [[nodiscard]] std::string remove_from_beginning(std::string_view text, std::size_t at_most) const;
  // The same for a tool's output, {type, value}, whose type stays. A JSON value that is none without them becomes text.
  [[nodiscard]] std::string remove_from_output(std::string output) const;

 private:
  void keep(std::string_view value);
  [[nodiscard]] const ValueFinder& finder() const;
  [[nodiscard]] std::string removed(std::string_view text, bool cut) const;
  std::vector<std::string> values_;
  mutable std::shared_ptr<const ValueFinder> finder_;  // of all values, once it is wanted
  std::vector<LiveSecret> live_;
};

}  // namespace aiw
