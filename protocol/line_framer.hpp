// Cuts a byte stream into lines, bounded in memory whatever comes.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace aiw {

// One line without its newline (CR LF counts as one), or the news that a line was too long and was dropped. Blank
// lines (spaces and tabs only) are not reported. A byte order mark before the first line is dropped.
struct FramedLine {
  std::string text;         // empty if too_large
  bool too_large = false;
};

// Bytes go in through prepare/commit, lines come out of next() until it has none. A line that fills most of the
// buffer is moved out, not copied. Holds at most `max_line_bytes` plus one read. Not thread-safe.
class LineFramer {
 public:
  explicit LineFramer(std::size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  // Room for the next read, at least `at_least` bytes; valid until commit.
  std::span<char> prepare(std::size_t at_least);
  // The first `count` bytes of prepare's room hold new bytes.
  void commit(std::size_t count);
  // The next whole line.
  std::optional<FramedLine> next();
  // The input ended: what is left counts as a line.
  std::optional<FramedLine> finish();

 private:
  std::optional<FramedLine> take(std::size_t length, std::size_t consumed);

  const std::size_t max_line_bytes_;
  std::string buffer_;       // bytes_ of it hold input, the rest is room
  std::size_t begin_ = 0;    // first byte not yet handed out
  std::size_t end_ = 0;      // end of the input in buffer_
  std::size_t scanned_ = 0;  // no newline before this
  bool discarding_ = false;  // the rest of a line that was too long
  bool at_start_ = true;
};

}  // namespace aiw
