#include "worker/secrets/live_secret.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/ascii.hpp"
#include "worker/base/base64.hpp"
#include "worker/base/url.hpp"
#include "worker/secrets/redaction.hpp"

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

using Place = Places::Place;

// Adds the ranges of `value` in `text`, from `from` on. Overlapping matches become one range. Linear time even for
// repetitive input (Knuth-Morris-Pratt algorithm).
void add_places(std::string_view text, std::string_view value, std::size_t from, std::vector<Place>& found) {
  if (text.size() - from < value.size()) return;
  // For each prefix of `value`: length of its longest proper suffix that is also a prefix.
  std::vector<std::size_t> border(value.size());
  for (std::size_t i = 1, k = 0; i < value.size(); ++i) {
    while (k > 0 && value[i] != value[k]) k = border[k - 1];
    if (value[i] == value[k]) ++k;
    border[i] = k;
  }
  std::size_t latest_end = 0;
  for (std::size_t i = from, k = 0; i < text.size(); ++i) {
    while (k > 0 && text[i] != value[k]) k = border[k - 1];
    if (text[i] == value[k]) ++k;
    if (k < value.size()) continue;
    k = border[k - 1];
    const std::size_t end = i + 1;
    if (const std::size_t begin = end - value.size(); begin < latest_end) {
      found.back().end = end;
    } else {
      found.push_back({begin, end});
    }
    latest_end = end;
  }
}

// Secret values in use, indexed by their first bytes.
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
    std::map<std::string_view, std::size_t> candidates;  // values that may occur, and their first possible position
    for (std::size_t at = 0; at + kShortestLiveSecret <= text.size(); ++at) {
      const auto values = values_.find(beginning_of(text.substr(at)));
      if (values == values_.end()) continue;
      if (candidates.contains(values->second.begin()->first)) continue;
      for (const auto& [value, uses] : values->second) candidates.emplace(value, at);
    }
    std::vector<Place> found;
    for (const auto& [value, at] : candidates) add_places(text, value, at, found);
    std::ranges::sort(found, {}, &Place::begin);
    for (const Place& place : found) places.add(place.begin, place.end);
  }

 private:
  using Uses = std::map<std::string, std::size_t>;  // reference count of each value

  std::mutex mutex_;
  std::unordered_map<Beginning, Uses> values_;
};

// Never destroyed: secrets and log lines may outlive main().
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

namespace {

// Returns the percent-encoded forms that URL libraries produce: slashes encoded or not, hex digits in upper or lower
// case.
std::set<std::string> url_forms(std::string_view text) {
  std::set<std::string> forms;
  for (const bool keeps_slash : {false, true}) {
    std::string upper;
    std::string lower;
    for (const char c : text) {
      const std::string encoded = keeps_slash && c == '/' ? "/" : percent_encode(std::string_view(&c, 1));
      upper += encoded;
      lower += encoded.size() > 1 ? ascii_lower(encoded) : encoded;
    }
    forms.insert({std::move(upper), std::move(lower)});
  }
  forms.erase(std::string(text));
  return forms;
}

}  // namespace

std::vector<std::string> secret_forms(std::string_view value) {
  std::vector<std::string> forms;
  const auto add = [&](std::string_view form) {
    if (form.empty() || std::ranges::find(forms, form) != forms.end()) return;
    forms.emplace_back(form);
    if (form.size() > kLongestInUrl) return;
    for (auto& encoded : url_forms(form)) forms.push_back(std::move(encoded));
  };
  add(value);
  const std::string_view word = value.substr(value.rfind(' ') + 1);  // the whole value if it has no space
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
  for (auto* const text : {&error.message, &error.provider_code, &error.request_id, &error.url}) {
    *text = without_live_secrets(std::string_view(*text));
  }
  return error;
}

}  // namespace aiw
