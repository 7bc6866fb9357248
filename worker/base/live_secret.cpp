#include "worker/base/live_secret.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/json_text.hpp"

namespace aiw {
namespace {

using Beginning = std::uint64_t;
static_assert(sizeof(Beginning) == kShortestLiveSecret);

Beginning beginning_of(std::string_view text) {
  Beginning beginning = 0;
  std::memcpy(&beginning, text.data(), sizeof beginning);
  return beginning;
}

// The values in use, by their first bytes.
class Registry {
 public:
  void add(const std::string& value) {
    const std::lock_guard lock(mutex_);
    ++values_[beginning_of(value)][value];
  }

  void remove(const std::string& value) {
    const std::lock_guard lock(mutex_);
    const auto values = values_.find(beginning_of(value));
    const auto known = values->second.find(value);
    if (--known->second > 0) return;
    values->second.erase(known);
    if (values->second.empty()) values_.erase(values);
  }

  std::string redacted(std::string_view text) {
    const std::lock_guard lock(mutex_);
    std::string out;
    std::size_t done = 0;
    for (std::size_t at = 0; !values_.empty() && at + kShortestLiveSecret <= text.size();) {
      const std::size_t length = length_at(text.substr(at));
      if (length > 0) out.append(text, done, at - done).append("[redacted]");
      at += std::max<std::size_t>(length, 1);
      if (length > 0) done = at;
    }
    return out.append(text.substr(done));
  }

 private:
  using Uses = std::map<std::string, std::size_t>;  // how often each value is

  // Of the longest value at the start of `text`, 0: there is none.
  [[nodiscard]] std::size_t length_at(std::string_view text) const {
    const auto values = values_.find(beginning_of(text));
    if (values == values_.end()) return 0;
    std::size_t length = 0;
    for (const auto& [value, uses] : values->second) {
      if (text.starts_with(value)) length = std::max(length, value.size());
    }
    return length;
  }

  std::mutex mutex_;
  std::unordered_map<Beginning, Uses> values_;
};

// With the characters that JSON's escapes of ASCII stand for.
std::string unescaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto escape = ascii_escape_at(text);
    out += escape ? escape->character : text.front();
    text.remove_prefix(escape ? escape->length : 1);
  }
  return out;
}

// Never destroyed: secrets and log lines may outlive the end of main.
Registry& registry() {
  static auto* const only = new Registry;
  return *only;
}

class Registered {
 public:
  explicit Registered(std::string_view value) {
    keep(value);
    const auto space = value.rfind(' ');
    if (space != std::string_view::npos) keep(value.substr(space + 1));
  }
  Registered(const Registered&) = delete;
  Registered& operator=(const Registered&) = delete;
  ~Registered() {
    for (const auto& value : values_) registry().remove(value);
  }

 private:
  void keep(std::string_view value) {
    if (value.size() < kShortestLiveSecret) return;
    values_.emplace_back(value);
    registry().add(values_.back());
  }

  std::vector<std::string> values_;
};

}  // namespace

LiveSecret::LiveSecret(std::string_view value) : kept_(std::make_shared<const Registered>(value)) {}

std::string without_live_secrets(std::string_view text) {
  // A text that quotes JSON may have a secret's characters escaped ("a\/b").
  if (text.contains('\\')) {
    const std::string plain = unescaped(text);
    std::string redacted = registry().redacted(plain);
    if (redacted != plain) return redacted;
  }
  return registry().redacted(text);
}

Error without_live_secrets(Error error) {
  for (auto* const text : {&error.message, &error.provider_code, &error.request_id}) {
    *text = without_live_secrets(std::string_view(*text));
  }
  return error;
}

}  // namespace aiw
