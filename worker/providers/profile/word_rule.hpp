// Which strings a server takes as ids and names, and what stands for those that it does not.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace aiw {

// The strings that a server takes in some place.
struct WordRule {
  enum class Charset {
    any,
    alphanumeric,  // letters and digits
    word,          // these, `_` and `-`
    word_or_dot,   // these and `.`
    letter_first,  // word, but first a letter or `_`
    dotted,        // these, `.` and `:`
    identifier,    // letters, digits and `_`, no digit first
  };
  Charset charset = Charset::any;
  std::size_t most = 0;   // bytes; 0: any number
  std::size_t exact = 0;  // bytes; 0: any number up to `most`
};

bool fits(const WordRule& rule, std::string_view text);
// A string that fits, always the same for the same text, and others for others.
std::string fitted(const WordRule& rule, std::string_view text);

}  // namespace aiw
