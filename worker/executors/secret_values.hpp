// Secret values that must be removed from the output of tools.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "worker/secrets/live_secret.hpp"
#include "worker/secrets/value_finder.hpp"

namespace aiw {

// Not thread-safe. Copies must stay on the same thread too.
class SecretValues {
 public:
  // Adds `value` in all its forms (see secret_forms). Values that are too short to be a key are not kept.
  void add(std::string_view value);
  // Returns `text` with "[redacted]" in place of each value (see redacted). Takes linear time.
  [[nodiscard]] std::string remove_from(std::string_view text) const;
  // Same for the first `at_most` bytes. If the text is longer, a possible beginning of a value at the cut is removed
  // too.
  [[nodiscard]] std::string remove_from_beginning(std::string_view text, std::size_t at_most) const;
  // Same for a tool output, {type, value}. Keeps the type, unless the value is no longer valid JSON; then it becomes
  // text.
  [[nodiscard]] std::string remove_from_output(std::string output) const;

 private:
  void keep(std::string_view value);
  [[nodiscard]] const ValueFinder& finder() const;
  [[nodiscard]] std::string removed(std::string_view text, bool cut) const;
  std::vector<std::string> values_;
  mutable std::shared_ptr<const ValueFinder> finder_;  // matcher for all values; built on first use
  std::vector<LiveSecret> live_;
};

}  // namespace aiw
