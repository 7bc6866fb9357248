// Reads lines from a descriptor on a separate thread. Any kind of descriptor (pipe, socket, tty, file, /dev/null, with
// or without O_NONBLOCK) works the same, and its flags do not change. Work on a long line delays no stream.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "protocol/line_framer.hpp"

namespace aiw {

struct StdinHandlers {
  // Reader's thread: the lines completed by one read, in order, at most about a thousand per call.
  std::function<void(std::vector<FramedLine> lines)> on_lines;
  // Reader's thread, called once: at end of input (`error` is 0) or after a read error (`error` is the errno).
  std::function<void(int error)> on_end;
  // Reader's thread, instead of on_end: reading cannot continue.
  std::function<void(std::exception_ptr thrown)> on_failed{};
};

class StdinReader {
 public:
  // Starts to read at once. `fd` stays owned by the caller and must stay open.
  StdinReader(int fd, std::size_t max_line_bytes, StdinHandlers handlers);
  // Stops and joins the thread. Does not call on_end.
  ~StdinReader();
  StdinReader(const StdinReader&) = delete;
  StdinReader& operator=(const StdinReader&) = delete;

  // Any thread. While paused nothing is read; a read in progress is still delivered.
  void set_paused(bool paused);
  // Any thread. Returns true while a read or the delivery of its lines is in progress. Once paused and idle, it stays
  // idle.
  [[nodiscard]] bool busy() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiw
