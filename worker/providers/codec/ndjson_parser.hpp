// A push parser of newline-delimited JSON: bytes in, cut anywhere, lines out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace aiw {

// Usage: feed(bytes), then next(line) until it is false. Takes time in proportion to the bytes, however they are cut,
// and holds at most one line of `max_line_bytes`. A line that lies within the fed bytes is handed out without a copy.
// Blank lines are not reported. Not thread-safe.
class NdjsonParser {
 public:
  explicit NdjsonParser(std::size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  // `bytes` must stay until next() has returned false; only then may more be fed.
  void feed(std::string_view bytes) { input_ = bytes; }
  // The next line, without its end; it lives until the next call of any member. False: more bytes are needed, or
  // too_large().
  bool next(std::string_view& line);
  // The body ended: what no newline follows. Call after next() has returned false.
  bool finish(std::string_view& line);
  // A line exceeded the limit; nothing more comes out.
  [[nodiscard]] bool too_large() const { return too_large_; }

 private:
  bool take(std::string_view& line);

  const std::size_t max_line_bytes_;
  std::string_view input_;   // what was fed and not looked at
  std::string held_;         // the start of a line whose end has not come
  bool handed_out_ = false;  // held_ was a line and is to be cleared
  bool too_large_ = false;
};

}  // namespace aiw
