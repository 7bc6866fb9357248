// Counts what a worker writes, cheaply enough that the bench stays faster than any worker: no JSON is parsed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aiw::tools {

// Knows frames by the first `"type":"` of a line, and synthetic text by its fill bytes and time stamps
// (synthetic_stream.hpp). So it reads both dialects, merged deltas, and the relay's mixed event streams alike.
class OutputScanner {
 public:
  // `now_ns`: steady clock at the end of the read, the time of arrival of every stamp in `bytes`.
  void feed(std::span<const char> bytes, std::int64_t now_ns);

  std::uint64_t fill_bytes = 0;  // in deltas: the text that a `done` repeats does not count
  std::size_t done = 0;
  std::size_t failed = 0;     // error and rejected frames
  std::string first_failure;  // the first of them, cut to 500 bytes
  std::vector<std::string> health_ids;
  std::size_t tool_calls = 0;  // tool_call frames
  // Stamped texts: time of sending, and how long it took to arrive.
  struct Arrival {
    std::int64_t sent_ns;
    std::int64_t took_ns;
  };
  bool collect_arrivals = false;
  std::vector<Arrival> arrivals;

 private:
  void on_line(std::string_view line, std::int64_t now_ns);
  // True if the line is a delta, or none of the worker's.
  bool on_frame(std::string_view line);
  void collect(std::string_view line, std::int64_t now_ns);

  std::string partial_;  // a line that has not ended yet
  std::size_t type_at_ = 0;
};

}  // namespace aiw::tools
