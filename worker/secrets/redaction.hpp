// Removes values from a text, including values hidden by JSON escapes: in a JSON text, in a text that quotes one, in
// JSON nested in such a text, and so on.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace aiw {

// Ranges of a text. Overlapping ranges are merged.
class Places {
 public:
  struct Place {
    std::size_t begin;
    std::size_t end;
  };
  // Adds [begin, end). Ranges must be added sorted by begin or by end.
  void add(std::size_t begin, std::size_t end);
  [[nodiscard]] const std::vector<Place>& all() const { return places_; }

 private:
  std::vector<Place> places_;
};

// Adds the ranges of the values in a text.
using FindValues = std::function<void(std::string_view text, Places& places)>;

// Returns `text` with "[redacted]" in place of each value, including the rest of any overlapping value. With `at_most`,
// the result covers only the first `at_most` bytes. A value that begins in them and ends later is still found, but no
// later byte is in the result. In a JSON text an escape is kept whole or removed whole.
std::string redacted(std::string_view text, const FindValues& find, std::size_t at_most = std::string_view::npos);

}  // namespace aiw
