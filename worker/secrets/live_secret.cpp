#include "worker/secrets/live_secret.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "protocol/ascii.hpp"
#include "worker/base/base64.hpp"
#include "worker/base/url.hpp"
#include "worker/secrets/redaction.hpp"
#include "worker/secrets/value_finder.hpp"

namespace aiw {
namespace {

constexpr std::size_t kLongestInUrl = 4096;
constexpr std::size_t kMaxFinderBytes = std::size_t{256} << 10;  // of values in one ValueFinder, which takes memory

using EightBytes = std::uint64_t;
static_assert(sizeof(EightBytes) == kShortestLiveSecret);

EightBytes first_eight(std::string_view text) {
  EightBytes bytes = 0;
  std::memcpy(&bytes, text.data(), sizeof bytes);
  return bytes;
}

using Values = std::vector<std::string_view>;

// Returns those of `values` whose last bytes are in `text`.
Values with_end_in(std::string_view text, const Values& values) {
  Values found;
  if (values.empty()) return found;
  std::unordered_map<EightBytes, Values> by_end;
  for (const auto value : values)
    by_end[first_eight(value.substr(value.size() - kShortestLiveSecret))].push_back(value);
  for (std::size_t at = 0; at + kShortestLiveSecret <= text.size() && !by_end.empty(); ++at) {
    const auto ending = by_end.find(first_eight(text.substr(at)));
    if (ending == by_end.end()) continue;
    found.insert(found.end(), ending->second.begin(), ending->second.end());
    by_end.erase(ending);
  }
  return found;
}

// Returns how many of `values` one ValueFinder takes: one, or more of at most kMaxFinderBytes together.
std::size_t count_for_finder(std::span<const std::string_view> values) {
  std::size_t count = 1;
  for (std::size_t bytes = values.front().size(); count < values.size(); ++count) {
    bytes += values[count].size();
    if (bytes > kMaxFinderBytes) break;
  }
  return count;
}

// Adds the ranges of `values` in `text`. Linear time even for repetitive input.
void add_places(std::string_view text, std::span<const std::string_view> values, Places& places) {
  std::vector<Places::Place> all;
  while (!values.empty()) {
    const std::size_t count = count_for_finder(values);
    Places found;
    const ValueFinder finder(values.first(count));
    finder.find(text, [&](std::size_t begin, std::size_t end) { found.add(begin, end); });
    all.insert(all.end(), found.all().begin(), found.all().end());
    values = values.subspan(count);
  }
  std::ranges::sort(all, {}, &Places::Place::begin);
  for (const auto& place : all) places.add(place.begin, place.end);
}

// Secret values in use, indexed by their first bytes.
class Registry {
 public:
  void add(const std::string& value) {
    const std::lock_guard lock(mutex_);
    ++values_[first_eight(value)][value];
  }

  void remove(const std::string& value) {
    const std::lock_guard lock(mutex_);
    const auto values = values_.find(first_eight(value));
    const auto known = values->second.find(value);
    if (--known->second > 0) return;
    values->second.erase(known);
    if (values->second.empty()) values_.erase(values);
  }

  void find(std::string_view text, Places& places) {
    const std::lock_guard lock(mutex_);
    if (values_.empty()) return;
    add_places(text, with_end_in(text, with_beginning_in(text)), places);
  }

 private:
  using Uses = std::map<std::string, std::size_t>;  // reference count of each value

  // Returns the values whose first bytes are in `text`. The keys of one provider often begin alike.
  [[nodiscard]] Values with_beginning_in(std::string_view text) const {
    Values found;
    std::unordered_set<EightBytes> seen;
    for (std::size_t at = 0; at + kShortestLiveSecret <= text.size(); ++at) {
      const auto values = values_.find(first_eight(text.substr(at)));
      if (values == values_.end() || !seen.insert(values->first).second) continue;
      for (const auto& [value, uses] : values->second) {
        if (value.size() <= text.size()) found.push_back(value);
      }
    }
    return found;
  }

  std::mutex mutex_;
  std::unordered_map<EightBytes, Uses> values_;
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
