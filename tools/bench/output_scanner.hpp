// Counts a worker's output without parsing JSON, so that the bench stays faster than any worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aiw::tools {

// Recognizes a frame by the first `"type":"` of a line, and synthetic text by its fill bytes and time stamps
// (synthetic_stream.hpp). This works for both dialects, merged deltas and the relay's mixed event streams.
class OutputScanner {
 public:
  // `now_ns`: steady clock at the end of the read. It is the arrival time of every stamp in `bytes`.
  void feed(std::span<const char> bytes, std::int64_t now_ns);

  std::uint64_t fill_bytes = 0;  // only in deltas; the text repeated in `done` does not count
  std::size_t done = 0;
  std::size_t failed = 0;     // error and rejected frames
  std::string first_failure;  // first error or rejected frame, at most 500 bytes
  std::vector<std::string> health_ids;
  std::size_t tool_calls = 0;  // tool_call frames
  // Arrival of a stamped text: the time of sending and the latency.
  struct Arrival {
    std::int64_t sent_ns;
    std::int64_t took_ns;
  };
  bool collect_arrivals = false;
  std::vector<Arrival> arrivals;

 private:
  void on_line(std::string_view line, std::int64_t now_ns);
  // True if the line is a delta, or is not a worker's frame.
  bool on_frame(std::string_view line);
  void collect(std::string_view line, std::int64_t now_ns);

  std::string partial_;  // incomplete line
  std::size_t type_at_ = 0;
};

}  // namespace aiw::tools
