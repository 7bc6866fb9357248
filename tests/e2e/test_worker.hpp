// Real worker as a child of the test: lines in, frames out. Each frame is checked and kept for the schema validation.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/support/worker_process.hpp"

namespace aiw::e2e {

using Json = nlohmann::ordered_json;
using Milliseconds = std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

// Timeout for events that must happen even on a busy machine.
inline constexpr Milliseconds kPatience{120'000};

#ifdef AIW_SANITIZED
inline constexpr bool kSanitized = true;  // memory figures are not comparable because of the sanitizer's shadow memory
#else
inline constexpr bool kSanitized = false;
#endif

// True under ThreadSanitizer. Its runtime writes a file before main() of the worker, and turns vfork into fork, so that
// a program that cannot be started exits with code 127.
#ifdef AIW_THREAD_SANITIZED
inline constexpr bool kThreadSanitized = true;
#else
inline constexpr bool kThreadSanitized = false;
#endif

inline constexpr std::size_t kMiB = 1u << 20;

std::string worker_binary();

struct Frame {
  Json json;
  Steady::time_point read_at;
  [[nodiscard]] std::string type() const { return json.at("type"); }
};

// Frames of one id, in order.
struct FrameLog {
  std::vector<Frame> frames;
  bool ended = false;  // the last frame is the `done` or `error` of a chat

  [[nodiscard]] std::vector<Json> all(std::string_view type) const;
  [[nodiscard]] std::size_t count(std::string_view type) const { return all(type).size(); }
  [[nodiscard]] std::vector<std::string> types() const;  // consecutive deltas count once
  // Returns the joined texts of all deltas of one kind.
  [[nodiscard]] std::string text(std::string_view kind = "text") const;
  [[nodiscard]] const Json& last() const { return frames.back().json; }
  // Returns "done", or the code of the error.
  [[nodiscard]] std::string outcome() const;
};

enum class Words { v1, leanspec };

// Every wait fails the test after kPatience. Not thread-safe.
class TestWorker {
 public:
  explicit TestWorker(std::vector<std::string> args = {}, std::vector<std::string> environment = {},
                      Words words = Words::v1);
  // Runs a shell command instead of the binary, for a stdin or stdout of another kind. `shell` is run by sh with the
  // binary as $0, and must exec it.
  static TestWorker under_shell(const std::string& shell);

  tools::WorkerProcess& process() { return *process_; }
  void send(const Json& line) { send_text(line.dump()); }
  void send_text(std::string_view line);

  // Reads one frame of any id. Returns false when stdout is closed or the timeout has passed.
  bool next(Milliseconds timeout = kPatience);
  // Reads until `done()`. Returns false if stdout is closed first.
  bool read_until(const std::function<bool()>& done);
  // Reads until the chat's terminal event.
  const FrameLog& end_of(const std::string& id);
  // Reads until the id has `count` frames of the type. Returns the last of them.
  Json wait_for(const std::string& id, std::string_view type, std::size_t count = 1);
  // Sends a line and returns its response: the first frame with its id.
  Json ask(const Json& line);
  // Reads until stdout is closed and returns the exit code. A fatal signal fails the test.
  int exit_code();
  int close_and_exit();

  // Returns stderr so far, without the messages of a coverage build about counts that it cannot write.
  [[nodiscard]] std::string complaints() const;

  [[nodiscard]] const FrameLog& log(const std::string& id) const;
  [[nodiscard]] const std::vector<Json>& without_id() const { return without_id_; }
  // Returns the logs of earlier chats whose id was used again.
  [[nodiscard]] const std::vector<FrameLog>& earlier() const { return earlier_; }
  [[nodiscard]] std::size_t done_count() const { return done_; }
  [[nodiscard]] std::size_t error_count() const { return errors_; }
  [[nodiscard]] const std::string& all_output() const { return output_; }
  // Also keeps all later stdout as text.
  void keep_output() { keep_output_ = true; }

  [[nodiscard]] std::size_t rss() const;
  [[nodiscard]] std::size_t peak_rss() const;
  void reset_peak_rss() const;
  // Returns the number of open sockets of the process, including stdin and stdout if they are sockets.
  [[nodiscard]] std::size_t sockets() const;

 private:
  TestWorker(const tools::WorkerCommand& command, Words words);
  void take(const std::string& line);
  void take_v1(Frame frame);
  void take_leanspec(Frame frame);

  std::unique_ptr<tools::WorkerProcess> process_;
  Words words_;
  std::map<std::string, FrameLog> logs_;
  std::vector<FrameLog> earlier_;
  std::vector<Json> without_id_;
  std::size_t done_ = 0;
  std::size_t errors_ = 0;
  std::size_t deltas_ = 0;
  bool keep_output_ = false;
  std::string output_;
};

// Keeps a frame for the schema validation that follows these tests.
void keep_frame(Words words, std::string_view line);

// Waits until `condition` holds. For effects that the worker does not report.
bool eventually(const std::function<bool()>& condition);

}  // namespace aiw::e2e
