// Takes values out of a text, also where JSON's escapes hide them: in a JSON text, in a text that quotes one, in a JSON
// text that holds such a text, and so on.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace aiw {

// Places in a text; what overlaps is one.
class Places {
 public:
  struct Place {
    std::size_t begin;
    std::size_t end;
  };
  // Each begins or ends behind those before it.
  void add(std::size_t begin, std::size_t end);
  [[nodiscard]] const std::vector<Place>& all() const { return places_; }

 private:
  std::vector<Place> places_;
};

// Adds where the values stand in a text.
using FindValues = std::function<void(std::string_view text, Places& places)>;

// `text` with "[redacted]" in place of each value and of the rest of what overlaps it. Of a text only the beginning may
// be wanted: a value that begins in its first `at_most` bytes is found by what follows them, and nothing else of that
// is in the result. In a JSON text every escape stays whole or goes as a whole.
std::string redacted(std::string_view text, const FindValues& find, std::size_t at_most = std::string_view::npos);

}  // namespace aiw
