// Splits a byte stream into lines, with bounded memory for any input.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace aiw {

// One line without its newline (LF or CR LF), or a report that a line was too long and was dropped. Blank lines (spaces
// and tabs only) are not reported. A byte order mark before the first line is removed.
struct FramedLine {
  std::string text;  // empty if too_large; has capacity for 64 more bytes, as simdjson requires
  bool too_large = false;
  bool no_memory = false;  // out of memory: the line could not be kept, and text is empty
};

// Bytes enter through prepare() and commit(); call next() until it returns nothing. A line that fills most of the
// buffer is moved out, not copied. Holds at most `max_line_bytes` plus one read. Not thread-safe.
class LineFramer {
 public:
  // `max_line_bytes`: maximum length of a line, before its LF.
  explicit LineFramer(std::size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  // Returns space of `size` bytes for the next read, valid until commit(). Call it only after next() has no more lines.
  std::span<char> prepare(std::size_t size);
  // Reports that the first `count` bytes of the space from prepare() were filled.
  void commit(std::size_t count);
  // Returns the next complete line, or a report that a line has just become too large.
  std::optional<FramedLine> next();
  // Out of memory: drops the received part of an incomplete line, and later its remaining bytes.
  FramedLine drop_line();
  // End of input, after next() has no more lines: any remaining bytes count as a line.
  std::optional<FramedLine> finish();

 private:
  std::optional<FramedLine> take(std::size_t length);
  std::optional<FramedLine> drop_oversized();
  std::string cut(std::size_t at, std::size_t length);

  const std::size_t max_line_bytes_;
  std::string buffer_;       // input in [begin_, end_), followed by free space
  std::size_t begin_ = 0;    // first byte not yet returned
  std::size_t end_ = 0;      // end of the input
  std::size_t scanned_ = 0;  // no newline before this offset
  bool discarding_ = false;  // skipping the rest of a line that was too long
  bool at_start_ = true;
};

}  // namespace aiw
