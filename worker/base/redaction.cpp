#include "worker/base/redaction.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "protocol/json_text.hpp"

namespace aiw {
namespace {

// JSON within JSON; each text within escapes the escapes of the one around it.
constexpr std::size_t kMaxLayers = 4;

using Place = Places::Place;

// A text with its escapes resolved, which knows where they were.
class Unescaped {
 public:
  explicit Unescaped(std::string_view text) {
    text_.reserve(text.size());
    std::size_t from = 0;
    for (std::size_t at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', at)) {
      const auto escape = json_escape_at(text.substr(at));
      if (!escape) {
        ++at;
        continue;
      }
      text_.append(text, from, at - from);
      const std::size_t before = text_.size();
      append_utf8(text_, escape->code_point);
      escapes_.push_back({static_cast<std::uint32_t>(before), static_cast<std::uint32_t>(at),
                          static_cast<std::uint8_t>(text_.size() - before), static_cast<std::uint8_t>(escape->length)});
      from = at += escape->length;
    }
    text_.append(text, from);
  }

  [[nodiscard]] bool changed() const { return !escapes_.empty(); }
  [[nodiscard]] const std::string& text() const { return text_; }

  // Where that stood; of an escape all.
  [[nodiscard]] Place source_of(Place place) const { return {source_of(place.begin, 0), source_of(place.end - 1, 1)}; }

  // A place of the source with all of the escapes that it cuts.
  [[nodiscard]] Place whole(Place place) const {
    if (const Escape* escape = escape_around(place.begin)) place.begin = escape->source;
    if (const Escape* escape = escape_around(place.end)) place.end = escape->source + escape->source_length;
    return place;
  }

 private:
  struct Escape {  // texts are shorter than 4 GiB
    std::uint32_t plain;
    std::uint32_t source;
    std::uint8_t plain_length;
    std::uint8_t source_length;
  };

  // Of the byte at `plain`; `behind` is 1 for what comes after it.
  [[nodiscard]] std::size_t source_of(std::size_t plain, std::size_t behind) const {
    auto next = std::ranges::upper_bound(escapes_, plain, {}, &Escape::plain);
    if (next == escapes_.begin()) return plain + behind;
    const Escape& last = *--next;
    if (plain < last.plain + last.plain_length) return last.source + behind * last.source_length;
    return last.source + last.source_length + (plain - last.plain - last.plain_length) + behind;
  }

  // The one that the boundary before `source` cuts.
  [[nodiscard]] const Escape* escape_around(std::size_t source) const {
    auto next = std::ranges::lower_bound(escapes_, source, {}, &Escape::source);
    if (next == escapes_.begin()) return nullptr;
    const Escape& last = *--next;
    return source < last.source + last.source_length ? &last : nullptr;
  }

  std::string text_;
  std::vector<Escape> escapes_;  // by place
};

// Every place of a value in the text or in a text that it holds, by beginning.
std::vector<Place> all_places(std::string_view text, const FindValues& find) {
  std::vector<Place> all;
  std::vector<Unescaped> layers;
  layers.reserve(kMaxLayers);
  for (std::string_view layer = text;; layer = layers.back().text()) {
    Places here;
    find(layer, here);
    for (Place place : here.all()) {
      for (std::size_t i = layers.size(); i-- > 0;) place = layers[i].source_of(place);
      all.push_back(place);
    }
    if (layers.size() == kMaxLayers || !layer.contains('\\')) break;
    layers.emplace_back(layer);
    if (!layers.back().changed()) break;
  }
  if (!layers.empty()) {
    for (Place& place : all) place = layers.front().whole(place);
  }
  std::ranges::sort(all, {}, &Place::begin);
  return all;
}

}  // namespace

void Places::add(std::size_t begin, std::size_t end) {
  while (!places_.empty() && begin < places_.back().end) {
    begin = std::min(begin, places_.back().begin);
    end = std::max(end, places_.back().end);
    places_.pop_back();
  }
  places_.push_back({begin, end});
}

std::string redacted(std::string_view text, const FindValues& find, std::size_t at_most) {
  Places places;
  for (const Place& place : all_places(text, find)) places.add(place.begin, place.end);
  const std::size_t limit = std::min(at_most, text.size());
  std::string out;
  std::size_t done = 0;
  for (const Place& place : places.all()) {
    if (place.begin >= limit) break;
    out.append(text, done, place.begin - done).append("[redacted]");
    done = place.end;
  }
  if (done < limit) out.append(text, done, limit - done);
  return out;
}

}  // namespace aiw
