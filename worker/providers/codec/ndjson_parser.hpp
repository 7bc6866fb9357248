// A push parser of newline-delimited JSON: takes bytes, cut anywhere, and returns lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace aiw {

// Usage: call feed(bytes), then next(line) until it returns false. Time is linear in the bytes, however they are cut.
// Holds at most one line of `max_line_bytes`. A line that lies within the fed bytes is returned without a copy. Skips
// blank lines. Not thread-safe.
class NdjsonParser {
 public:
  explicit NdjsonParser(std::size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  // `bytes` must stay valid until next() has returned false; only then may more be fed.
  void feed(std::string_view bytes) { input_ = bytes; }
  // Returns the next line without its line end. It is valid until the next call of any member. False: more bytes are
  // needed, or too_large().
  bool next(std::string_view& line);
  // Call at the end of the body, after next() has returned false. Returns a last line without a newline.
  bool finish(std::string_view& line);
  // True if a line exceeded the limit. No more lines follow.
  [[nodiscard]] bool too_large() const { return too_large_; }

 private:
  bool take(std::string_view& line);

  const std::size_t max_line_bytes_;
  std::string_view input_;   // fed bytes that are not parsed yet
  std::string held_;         // the start of an incomplete line
  bool handed_out_ = false;  // held_ was returned as a line and must be cleared
  bool too_large_ = false;
};

}  // namespace aiw
