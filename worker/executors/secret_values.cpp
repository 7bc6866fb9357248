#include "worker/executors/secret_values.hpp"

#include <utility>

#include "protocol/json_reader.hpp"
#include "protocol/json_text.hpp"
#include "worker/executors/tool_output.hpp"
#include "worker/secrets/redaction.hpp"

namespace aiw {
namespace {

constexpr std::size_t kMinBytes = 6;       // shorter values are words, not keys
constexpr std::size_t kShortestPiece = 4;  // shortest fragment of a value that reveals something about it
constexpr std::size_t kLongestEscape = 12;
constexpr int kMaxValueDepth = 1'000;

}  // namespace

void SecretValues::add(std::string_view value) {
  live_.emplace_back(value);
  for (const auto& form : secret_forms(value)) keep(form);
}

void SecretValues::keep(std::string_view value) {
  if (value.size() < kMinBytes) return;
  values_.push_back(sanitize_utf8(value));  // same form as in JSON text
  finder_.reset();
}

const ValueFinder& SecretValues::finder() const {
  if (!finder_) finder_ = std::make_shared<const ValueFinder>(values_);
  return *finder_;
}

// `cut`: the end of the text may be the beginning of a value.
std::string SecretValues::removed(std::string_view text, bool cut) const {
  if (values_.empty()) return std::string(text);
  return redacted(text, [&](std::string_view layer, Places& places) {
    const std::size_t rest = finder().find(layer, [&](std::size_t begin, std::size_t end) { places.add(begin, end); });
    if (cut && rest >= kShortestPiece) places.add(layer.size() - rest, layer.size());
  });
}

std::string SecretValues::remove_from(std::string_view text) const { return removed(text, false); }

std::string SecretValues::remove_from_beginning(std::string_view text, std::size_t at_most) const {
  if (text.size() <= at_most) return remove_from(text);
  text = text.substr(0, at_most);
  if (values_.empty()) return std::string(text);
  for (int i = 0; i < 2; ++i) {  // the cut may split an escape or a surrogate pair of escapes
    const auto escape = text.rfind('\\');
    if (escape != std::string_view::npos && escape + kLongestEscape > text.size()) text = text.substr(0, escape);
  }
  return removed(text, true);
}

std::string SecretValues::remove_from_output(std::string output) const {
  const std::string_view value = output_value(output);
  if (values_.empty() || value.empty()) return output;
  const auto begin = static_cast<std::size_t>(value.data() - output.data());
  std::string left = remove_from(value);
  if (left == value) return output;
  JsonReader reader(left.data(), left.size(), kMaxValueDepth);
  reader.validate();
  if (reader.ok()) return output.substr(0, begin) + left + "}";
  const bool failed = output.find("error-") < begin;
  return failed ? error_output(left) : text_output(left);
}

}  // namespace aiw
