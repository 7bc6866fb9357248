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
  std::string text;  // empty if too_large; has room for 64 more bytes, as simdjson likes
  bool too_large = false;
  bool no_memory = false;  // text is empty, too: it could not be kept
};

// Bytes go in through prepare/commit, lines come out of next() until it has none. A line that fills most of the
// buffer is moved out, not copied. Holds at most `max_line_bytes` plus one read. Not thread-safe.
class LineFramer {
 public:
  // A line may have `max_line_bytes` bytes before its LF.
  explicit LineFramer(std::size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  // Room of `size` bytes for the next read; valid until commit. Call it when next() has no more lines.
  std::span<char> prepare(std::size_t size);
  // The first `count` bytes of prepare's room hold new bytes.
  void commit(std::size_t count);
  // The next whole line, or that a line has just become too large.
  std::optional<FramedLine> next();
  // What has come of a line without end is forgotten, and so will be the rest, because memory ended.
  FramedLine give_up();
  // The input ended, and next() has no more: what is left counts as a line.
  std::optional<FramedLine> finish();

 private:
  std::optional<FramedLine> take(std::size_t length);
  std::optional<FramedLine> drop_oversized();
  std::string cut(std::size_t at, std::size_t length);

  const std::size_t max_line_bytes_;
  std::string buffer_;       // input in [begin_, end_), then room
  std::size_t begin_ = 0;    // first byte not yet handed out
  std::size_t end_ = 0;      // end of the input
  std::size_t scanned_ = 0;  // no newline before this
  bool discarding_ = false;  // the rest of a line that was too long
  bool at_start_ = true;
};

}  // namespace aiw
