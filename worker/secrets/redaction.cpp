#include "worker/secrets/redaction.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/json_text.hpp"

namespace aiw {
namespace {

// Maximum nesting of JSON text within JSON strings. Each inner text has its escapes escaped again by the outer one.
constexpr std::size_t kMaxLayers = 4;

using Place = Places::Place;

// Resolves JSON escapes in place; the result is never longer. Returns false if there are none.
bool unescape(std::string& text) {
  std::size_t kept = 0, from = 0;
  const auto keep = [&](std::size_t until) {
    std::copy(text.begin() + static_cast<std::ptrdiff_t>(from), text.begin() + static_cast<std::ptrdiff_t>(until),
              text.begin() + static_cast<std::ptrdiff_t>(kept));
    kept += until - from;
  };
  std::string meant;
  const auto next = [&](std::size_t at) { return at < text.size() && text[at] == '\\' ? at : text.find('\\', at); };
  for (std::size_t at = text.find('\\'); at != std::string::npos; at = next(at)) {
    const auto escape = json_escape_at(std::string_view(text).substr(at));
    if (!escape) {
      ++at;
      continue;
    }
    if (at > from) keep(at);
    from = at += escape->length;
    if (escape->code_point < 0x80) {
      text[kept++] = static_cast<char>(escape->code_point);
      continue;
    }
    meant.clear();
    append_utf8(meant, escape->code_point);
    std::ranges::copy(meant, text.begin() + static_cast<std::ptrdiff_t>(kept));
    kept += meant.size();
  }
  const bool changed = from > 0;
  keep(text.size());
  text.resize(kept);
  return changed;
}

// Maps positions in an unescaped text to the escaped text around it, in one pass. Queries must go from left to right.
class Sources {
 public:
  explicit Sources(std::string_view text) : text_(text) { look_from(0); }

  // Maps a byte of the inner text. For a byte that comes from an escape, returns the whole escape.
  Place of_inner(std::size_t inner) {
    while (escape_ < text_.size() && inner >= inner_ + (escape_ - outer_) + meant_) pass();
    if (escape_ < text_.size() && inner >= inner_ + (escape_ - outer_)) return {escape_, escape_ + length_};
    const std::size_t at = outer_ + (inner - inner_);
    return {at, at + 1};
  }
  // Same for a byte of the outer text.
  Place of_outer(std::size_t outer) {
    while (outer >= escape_ + length_ && escape_ < text_.size()) pass();
    if (outer >= escape_ && escape_ < text_.size()) return {escape_, escape_ + length_};
    return {outer, outer + 1};
  }

 private:
  void pass() {
    inner_ += escape_ - outer_ + meant_;
    outer_ = escape_ + length_;
    look_from(outer_);
  }
  void look_from(std::size_t at) {
    for (at = text_.find('\\', at); at != std::string_view::npos; at = text_.find('\\', at + 1)) {
      const auto escape = json_escape_at(text_.substr(at));
      if (!escape) continue;
      std::string meant;
      append_utf8(meant, escape->code_point);
      escape_ = at;
      length_ = escape->length;
      meant_ = meant.size();
      return;
    }
    escape_ = text_.size();
  }

  std::string_view text_;
  std::size_t inner_ = 0, outer_ = 0;                // positions just after the last escape that was passed
  std::size_t escape_ = 0, length_ = 0, meant_ = 0;  // next escape; escape_ is the end of the text if there is none
};

// Converts ranges of the text nested `depth` layers inside `text` to ranges of `text`. Recomputes the intermediate
// texts; most texts have no such ranges.
void move_out(std::vector<Place>& places, std::string_view text, std::size_t depth) {
  while (depth-- > 0) {
    std::string outer(depth > 0 ? text : std::string_view());
    for (std::size_t i = 0; i < depth; ++i) unescape(outer);
    Sources sources(depth > 0 ? std::string_view(outer) : text);
    for (Place& place : places) {
      place.begin = sources.of_inner(place.begin).begin;
      place.end = sources.of_inner(place.end - 1).end;
    }
  }
}

// Extends each range to include any escape that it would cut.
void widen(std::vector<Place>& places, std::string_view text) {
  Sources sources(text);
  for (Place& place : places) {
    place.begin = sources.of_outer(place.begin).begin;
    place.end = sources.of_outer(place.end - 1).end;
  }
}

// Returns the ranges of all values in the text and in the texts nested in it, sorted by begin. Holds one nested text at
// a time.
std::vector<Place> all_places(std::string_view text, const FindValues& find) {
  Places own;
  find(text, own);
  std::vector<Place> all = own.all();
  if (!text.contains('\\')) return all;
  widen(all, text);
  std::string inner(text);
  for (std::size_t depth = 1; depth <= kMaxLayers && unescape(inner); ++depth) {
    Places here;
    find(inner, here);
    if (here.all().empty()) continue;
    std::vector<Place> moved = here.all();
    move_out(moved, text, depth);
    std::vector<Place> both;
    both.reserve(all.size() + moved.size());
    std::ranges::merge(all, moved, std::back_inserter(both), {}, &Place::begin, &Place::begin);
    all = std::move(both);
  }
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
