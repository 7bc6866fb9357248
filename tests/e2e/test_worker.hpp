// The real worker as a test's child: lines in, frames out, each frame checked and kept for the schema validation.
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

// For what must happen, however busy the machine is.
inline constexpr Milliseconds kPatience{120'000};

#ifdef AIW_SANITIZED
inline constexpr bool kSanitized = true;  // a sanitizer's shadow memory says nothing about the worker's
#else
inline constexpr bool kSanitized = false;
#endif

// Its runtime writes a file before the worker's first line runs, and makes a fork of vfork, so that the program which
// cannot be started ends with code 127.
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

// What came for one id, in order.
struct FrameLog {
  std::vector<Frame> frames;
  bool ended = false;  // the last frame was `done` or `error` of a chat

  [[nodiscard]] std::vector<Json> all(std::string_view type) const;
  [[nodiscard]] std::size_t count(std::string_view type) const { return all(type).size(); }
  [[nodiscard]] std::vector<std::string> types() const;  // runs of deltas count once
  // The deltas' texts of one kind, joined.
  [[nodiscard]] std::string text(std::string_view kind = "text") const;
  [[nodiscard]] const Json& last() const { return frames.back().json; }
  // "done" or the error's code.
  [[nodiscard]] std::string outcome() const;
};

enum class Words { v1, leanspec };

// Every wait fails the test after kPatience. Not thread-safe.
class TestWorker {
 public:
  explicit TestWorker(std::vector<std::string> args = {}, std::vector<std::string> environment = {},
                      Words words = Words::v1);
  // A whole command in place of the binary, for a stdin or stdout of another kind: `shell` is run by sh with the
  // binary as $0, and must exec it.
  static TestWorker under_shell(const std::string& shell);

  tools::WorkerProcess& process() { return *process_; }
  void send(const Json& line) { send_text(line.dump()); }
  void send_text(std::string_view line);

  // Reads a frame of any id; false at stdout's end, or when the time is over.
  bool next(Milliseconds timeout = kPatience);
  // Reads until `done`; false at the end of stdout.
  bool read_until(const std::function<bool()>& done);
  // Reads until the chat's terminal event.
  const FrameLog& end_of(const std::string& id);
  // Reads until the id has `count` frames of the type; the last of them.
  Json wait_for(const std::string& id, std::string_view type, std::size_t count = 1);
  // Sends a line and reads its answer, the first frame on its id.
  Json ask(const Json& line);
  // Reads to the end of stdout and returns the exit code; a death by signal fails the test.
  int exit_code();
  int close_and_exit();

  // What it wrote to stderr so far, but for what a build that counts lines says where it may not write its counts.
  [[nodiscard]] std::string complaints() const;

  [[nodiscard]] const FrameLog& log(const std::string& id) const;
  [[nodiscard]] const std::vector<Json>& without_id() const { return without_id_; }
  // Ids' earlier chats, when an id was used again.
  [[nodiscard]] const std::vector<FrameLog>& earlier() const { return earlier_; }
  [[nodiscard]] std::size_t done_count() const { return done_; }
  [[nodiscard]] std::size_t error_count() const { return errors_; }
  [[nodiscard]] const std::string& all_output() const { return output_; }
  // From now on all of stdout is also kept as text.
  void keep_output() { keep_output_ = true; }

  [[nodiscard]] std::size_t rss() const;
  [[nodiscard]] std::size_t peak_rss() const;
  void reset_peak_rss() const;
  // Sockets the process has open; stdio counts if it is sockets.
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

// Keeps a frame for the validation by schema that follows these tests.
void keep_frame(Words words, std::string_view line);

// Waits until `condition` holds; for what the worker does without saying so.
bool eventually(const std::function<bool()>& condition);

}  // namespace aiw::e2e
