// Subject of a measurement: the command of a worker and its dialect.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/bench/output_scanner.hpp"
#include "tools/support/worker_process.hpp"

namespace aiw::tools {

struct Subject {
  enum class Dialect { kV1, kLeanspec };
  std::string name;
  WorkerCommand command;
  Dialect dialect = Dialect::kV1;
  bool is_relay = false;

  // Returns a chat line with its line feed. `messages` is a JSON array.
  [[nodiscard]] std::string chat_line(std::string_view id, std::string_view base_url, std::string_view messages,
                                      std::string_view api = "openai-chat") const;
};

inline constexpr std::string_view kSmallMessages = R"([{"role":"user","content":"Say something."}])";

std::int64_t steady_ns();

// A running subject and the output that it has written so far.
class Session {
 public:
  using Milliseconds = std::chrono::milliseconds;

  // Spawns the subject and waits for the response to a first health line.
  static std::expected<std::unique_ptr<Session>, std::string> open(const Subject& subject);

  [[nodiscard]] pid_t pid() const { return process_->pid(); }
  [[nodiscard]] const Subject& subject() const { return subject_; }
  OutputScanner& output() { return output_; }
  // Resets counts and arrivals, so that the next run starts at 0.
  void reset_output();

  bool send(std::string_view bytes) { return process_->write(bytes, Milliseconds{60'000}); }
  // Reads until `ready()`. Fails if nothing is written for `quiet`, if stdout is closed, or on the first error frame.
  // The error names the cause.
  std::expected<void, std::string> pump(const std::function<bool()>& ready, Milliseconds quiet = Milliseconds{30'000});
  // Same as pump(), and writes `bytes` in the meantime as fast as the subject reads them.
  std::expected<void, std::string> pump_and_send(std::string_view bytes, const std::function<bool()>& ready,
                                                 Milliseconds quiet = Milliseconds{30'000});
  // Sends `count` chats at once and waits until all are done.
  std::expected<void, std::string> chat(std::string_view base_url, std::size_t count,
                                        std::string_view messages = kSmallMessages,
                                        std::string_view api = "openai-chat");

 private:
  // Reads once. Fails in the same cases as pump().
  std::expected<void, std::string> read_once(Milliseconds quiet);
  Session(const Subject& subject, std::unique_ptr<WorkerProcess> process);

  const Subject& subject_;
  std::unique_ptr<WorkerProcess> process_;
  OutputScanner output_;
  std::vector<char> block_ = std::vector<char>(256u << 10);
  std::size_t next_id_ = 0;
};

}  // namespace aiw::tools
