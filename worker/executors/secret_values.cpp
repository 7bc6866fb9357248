#include "worker/executors/secret_values.hpp"

#include <algorithm>
#include <utility>

#include "protocol/json_text.hpp"

namespace aiw {
namespace {

constexpr std::size_t kMinBytes = 6;  // shorter values are words, not keys
constexpr std::string_view kInstead = "[redacted]";

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

std::string without(std::string text, std::string_view value) {
  auto at = text.find(value);
  if (at == std::string::npos) return text;
  std::string out;
  std::size_t from = 0;
  for (; at != std::string::npos; at = text.find(value, from)) {
    out.append(text, from, at - from).append(kInstead);
    from = at + value.size();
  }
  return out.append(text, from);
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

// The time is that of the text, however much of it is taken out.
std::string SecretValues::remove_from(std::string text) const {
  for (const auto& value : values_) text = without(std::move(text), value);
  // A JSON text may escape any of its characters.
  if (!text.contains('\\')) return text;
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const auto escape = ascii_escape_at(rest);
    const std::string_view here = rest.substr(0, escape ? escape->length : 1);
    const std::size_t length = secret_length(rest, escape ? escape->character : rest.front());
    out += length > 0 ? kInstead : here;
    rest.remove_prefix(length > 0 ? length : here.size());
  }
  return out;
}

// Length of the first value that `text`, whose first character is meant to be `first`, begins with; 0: with none.
std::size_t SecretValues::secret_length(std::string_view text, char first) const {
  for (const auto& value : values_) {
    const std::size_t length = value.front() == first ? escaped_length(text, value) : 0;
    if (length > 0) return length;
  }
  return 0;
}

std::string SecretValues::remove_from_output(std::string output) const {
  const auto value = output.find(R"("value":)");
  if (values_.empty() || value == std::string::npos) return output;
  return output.substr(0, value) + remove_from(output.substr(value));
}

}  // namespace aiw
