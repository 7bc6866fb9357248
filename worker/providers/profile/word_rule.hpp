// Rules for strings that a server accepts as ids and names, and replacements for others.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace aiw {

// The strings that a server accepts in one place.
struct WordRule {
  enum class Charset {
    any,
    alphanumeric,  // letters and digits
    word,          // letters, digits, `_` and `-`
    word_or_dot,   // word and `.`
    letter_first,  // word; the first character is a letter or `_`
    dotted,        // letter_first, and `.` and `:` after the first character
    identifier,    // letters, digits and `_`; the first is not a digit
  };
  Charset charset = Charset::any;
  std::size_t most = 0;   // bytes; 0: any number
  std::size_t exact = 0;  // bytes; 0: any number up to `most`
};

bool fits(const WordRule& rule, std::string_view text);
// Returns a string that fits. The result is always the same for the same text, and different for different texts.
std::string fitted(const WordRule& rule, std::string_view text);

}  // namespace aiw
