#include "worker/base/live_secret.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

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
    auto& values = values_[beginning_of(value)];
    const auto known = std::ranges::find(values, value, &Value::text);
    if (known != values.end()) {
      ++known->uses;
    } else {
      values.push_back({value, 1});
    }
  }

  void remove(const std::string& value) {
    const std::lock_guard lock(mutex_);
    const auto values = values_.find(beginning_of(value));
    const auto known = std::ranges::find(values->second, value, &Value::text);
    if (--known->uses > 0) return;
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
  struct Value {
    std::string text;
    std::size_t uses;
  };

  // Of the longest value at the start of `text`, 0: there is none.
  [[nodiscard]] std::size_t length_at(std::string_view text) const {
    const auto values = values_.find(beginning_of(text));
    if (values == values_.end()) return 0;
    std::size_t length = 0;
    for (const auto& value : values->second) {
      if (text.starts_with(value.text)) length = std::max(length, value.text.size());
    }
    return length;
  }

  std::mutex mutex_;
  std::unordered_map<Beginning, std::vector<Value>> values_;
};

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

std::string without_live_secrets(std::string_view text) { return registry().redacted(text); }

Error without_live_secrets(Error error) {
  for (auto* const text : {&error.message, &error.provider_code, &error.request_id}) {
    *text = without_live_secrets(std::string_view(*text));
  }
  return error;
}

}  // namespace aiw
