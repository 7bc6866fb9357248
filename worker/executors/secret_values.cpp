#include "worker/executors/secret_values.hpp"

#include <algorithm>

#include "protocol/json_text.hpp"

namespace aiw {
namespace {

constexpr std::size_t kMinBytes = 6;  // shorter values are words, not keys

// Length of `value` at the start of `text`, whose characters may stand as JSON's escapes; 0 if it is not there.
std::size_t escaped_length(std::string_view text, std::string_view value) {
  std::size_t at = 0;
  for (const char wanted : value) {
    const auto rest = text.substr(std::min(at, text.size()));
    const auto escape = ascii_escape_at(rest);
    if (rest.empty() || (escape ? escape->character : rest.front()) != wanted) return 0;
    at += escape ? escape->length : 1;
  }
  return at;
}

}  // namespace

void SecretValues::add(std::string_view value) {
  live_.emplace_back(value);
  keep(value);
  const auto space = value.rfind(' ');
  if (space != std::string_view::npos) keep(value.substr(space + 1));
}

void SecretValues::keep(std::string_view value) {
  if (value.size() < kMinBytes) return;
  values_.emplace_back(value);
  std::string valid = sanitize_utf8(value);  // as it stands in a JSON text
  if (valid != value) values_.push_back(std::move(valid));
}

std::string SecretValues::remove_from(std::string text) const {
  constexpr std::string_view kInstead = "[redacted]";
  for (const auto& value : values_) {
    for (auto at = text.find(value); at != std::string::npos; at = text.find(value, at + kInstead.size())) {
      text.replace(at, value.size(), kInstead);
    }
  }
  // A JSON text may escape any of its characters.
  if (!text.contains('\\')) return text;
  for (const auto& value : values_) {
    for (std::size_t at = 0; at < text.size(); ++at) {
      const auto length = escaped_length(std::string_view(text).substr(at), value);
      if (length > 0) text.replace(at, length, kInstead);
    }
  }
  return text;
}

std::string SecretValues::remove_from_output(std::string output) const {
  const auto value = output.find(R"("value":)");
  if (values_.empty() || value == std::string::npos) return output;
  return output.substr(0, value) + remove_from(output.substr(value));
}

}  // namespace aiw
