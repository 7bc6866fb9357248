// Decodes the chunked transfer coding (RFC 9112, 7.1). Curl parses the chunks as well, to find the end of the response,
// but passes them as they came. So the bytes between the data can be counted, limited and delayed, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace aiw {

class ChunkDecoder {
 public:
  // Limits on the line before a chunk's data, and on all trailers together, in bytes.
  static constexpr std::size_t kMaxLine = std::size_t{16} << 10;

  // Removes what is not data from the front of `bytes`. Afterwards the next data_left() bytes are data. Everything
  // after the last chunk, or after a fault, is removed.
  void skip_framing(std::string_view& bytes);
  // Bytes of data before the next framing; may be more than have arrived.
  [[nodiscard]] std::uint64_t data_left() const { return data_left_; }
  // Call after `size` of these bytes were used.
  void used(std::size_t size) { data_left_ -= size; }

  // True after the last chunk and the trailers.
  [[nodiscard]] bool is_whole() const { return state_ == State::end; }
  // True if a line or the trailers are longer than allowed. Curl has no such limit. It reports all other faults.
  [[nodiscard]] bool is_too_long() const { return line_size_ > kMaxLine; }

 private:
  enum class State { size, rest_of_line, line_end_after_data, trailer_start, trailer, end, fault };

  [[nodiscard]] bool has_ended() const { return state_ == State::end || state_ == State::fault; }
  bool skip_usual_framing(std::string_view& bytes);
  [[nodiscard]] State after(char byte);
  [[nodiscard]] State after_size(char byte);
  [[nodiscard]] State after_line();

  State state_ = State::size;
  std::uint64_t data_left_ = 0;
  std::uint64_t size_ = 0;  // size of the chunk whose line is being read
  int digits_ = 0;
  std::size_t line_size_ = 0;  // of the current line, or of all trailers
};

}  // namespace aiw
