// Reads lines from a descriptor on a thread of its own, so that any kind of descriptor (pipe, socket, tty, file,
// /dev/null, with or without O_NONBLOCK) works the same, no flag of it changes, and the work on a long line delays no
// stream.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "protocol/line_framer.hpp"

namespace aiw {

struct StdinHandlers {
  // On the reader's thread: lines that one read completed, in order; all of them, or a thousand at once.
  std::function<void(std::vector<FramedLine> lines)> on_lines;
  // On the reader's thread, once: the end of the input, or a read error (then `error` is its errno, else 0).
  std::function<void(int error)> on_end;
  // On the reader's thread, in place of on_end: reading cannot go on.
  std::function<void(std::exception_ptr thrown)> on_failed{};
};

class StdinReader {
 public:
  // `fd` stays the caller's and must stay open. Reading begins at once.
  StdinReader(int fd, std::size_t max_line_bytes, StdinHandlers handlers);
  // Stops and joins the thread; on_end is not called by this.
  ~StdinReader();
  StdinReader(const StdinReader&) = delete;
  StdinReader& operator=(const StdinReader&) = delete;

  // Any thread. While paused nothing is read (a read that is under way is still delivered).
  void set_paused(bool paused);
  // Any thread. Whether a read is under way, or its lines are being delivered; once paused and idle it stays idle.
  [[nodiscard]] bool busy() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiw
