#include "worker/secrets/redaction.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/json_text.hpp"

namespace aiw {
namespace {

// JSON within JSON; each text within escapes the escapes of the one around it.
constexpr std::size_t kMaxLayers = 4;

using Place = Places::Place;

// Resolves the text's escapes in place; what they mean is never longer. False: it has none.
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

// Finds where bytes of the text within a text stand, in one pass: places are asked for from left to right.
class Sources {
 public:
  explicit Sources(std::string_view text) : text_(text) { look_from(0); }

  // Of an escape all.
  Place of_inner(std::size_t inner) {
    while (escape_ < text_.size() && inner >= inner_ + (escape_ - outer_) + meant_) pass();
    if (escape_ < text_.size() && inner >= inner_ + (escape_ - outer_)) return {escape_, escape_ + length_};
    const std::size_t at = outer_ + (inner - inner_);
    return {at, at + 1};
  }
  // The same for a byte of the text itself.
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
  std::size_t inner_ = 0, outer_ = 0;                // behind the last escape that was passed
  std::size_t escape_ = 0, length_ = 0, meant_ = 0;  // the next one; the text's end if there is none
};

// Moves places of the text that lies `depth` layers within `text` to where they stand in `text`. What lies between is
// made again for it, since most texts have no such places.
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

// An escape that a place cuts belongs to it.
void widen(std::vector<Place>& places, std::string_view text) {
  Sources sources(text);
  for (Place& place : places) {
    place.begin = sources.of_outer(place.begin).begin;
    place.end = sources.of_outer(place.end - 1).end;
  }
}

// Every place of a value in the text or in a text that it holds, by beginning. Of the texts within there is one at a
// time.
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
