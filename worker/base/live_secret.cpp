#include "worker/base/live_secret.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/ascii.hpp"
#include "worker/base/base64.hpp"
#include "worker/base/redaction.hpp"
#include "worker/base/url.hpp"

namespace aiw {
namespace {

constexpr std::size_t kLongestInUrl = 4096;

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

  void find(std::string_view text, Places& places) {
    const std::lock_guard lock(mutex_);
    if (values_.empty()) return;
    for (std::size_t at = 0; at + kShortestLiveSecret <= text.size(); ++at) {
      const std::size_t length = length_at(text.substr(at));
      if (length > 0) places.add(at, at + length);
    }
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

// Never destroyed: secrets and log lines may outlive the end of main.
Registry& registry() {
  static auto* const only = new Registry;
  return *only;
}

class Registered {
 public:
  explicit Registered(std::string_view value) {
    for (auto& form : secret_forms(value)) keep(std::move(form));
  }
  Registered(const Registered&) = delete;
  Registered& operator=(const Registered&) = delete;
  ~Registered() {
    for (const auto& value : values_) registry().remove(value);
  }

 private:
  void keep(std::string value) {
    if (value.size() < kShortestLiveSecret) return;
    values_.push_back(std::move(value));
    registry().add(values_.back());
  }

  std::vector<std::string> values_;
};

}  // namespace

std::vector<std::string> secret_forms(std::string_view value) {
  std::vector<std::string> forms;
  const auto add = [&](std::string_view form) {
    if (form.empty() || std::ranges::find(forms, form) != forms.end()) return;
    forms.emplace_back(form);
    if (form.size() > kLongestInUrl) return;
    if (auto encoded = percent_encode(form); encoded != form) forms.push_back(std::move(encoded));
  };
  add(value);
  const std::string_view word = value.substr(value.rfind(' ') + 1);  // all of it if it is one word
  add(word);
  if (const auto name = word.find('='); name != std::string_view::npos) add(word.substr(name + 1));
  constexpr std::string_view kBasic = "basic ";
  if (!ascii_iequal(value.substr(0, kBasic.size()), kBasic)) return forms;
  if (std::string credentials; base64_decode(word, credentials)) {
    add(credentials);
    add(std::string_view(credentials).substr(credentials.find(':') + 1));
  }
  return forms;
}

LiveSecret::LiveSecret(std::string_view value) : kept_(std::make_shared<const Registered>(value)) {}

std::string without_live_secrets(std::string_view text, std::size_t at_most) {
  return redacted(text, [](std::string_view layer, Places& places) { registry().find(layer, places); }, at_most);
}

Error without_live_secrets(Error error) {
  for (auto* const text : {&error.message, &error.provider_code, &error.request_id}) {
    *text = without_live_secrets(std::string_view(*text));
  }
  return error;
}

}  // namespace aiw
