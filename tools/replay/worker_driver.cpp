#include "tools/replay/worker_driver.hpp"

#include <system_error>

namespace aiw::tools {

using nlohmann::json;

std::expected<std::unique_ptr<WorkerDriver>, std::string> WorkerDriver::start(const std::filesystem::path& program,
                                                                              std::ostream* frames) {
  WorkerCommand command;
  command.program = program.string();
  // A replay uses protocol 1, whatever the environment of a parent's tests sets.
  command.environment = {"LEANSPEC_IPC_MODE=false"};
  auto process = WorkerProcess::spawn(command);
  if (!process) return std::unexpected(process.error());
  return std::unique_ptr<WorkerDriver>(new WorkerDriver(*std::move(process), frames));
}

std::optional<json> WorkerDriver::next(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const auto line = process_->read_line(left.count() > 0 ? left : std::chrono::milliseconds{0});
    if (!line) return std::nullopt;
    if (frames_ != nullptr) *frames_ << *line << '\n';
    // The parser also rejects bytes that are not UTF-8.
    json frame = json::parse(*line, nullptr, false);
    if (frame.is_object() && frame.contains("id") && frame.contains("type") && frame["type"].is_string()) return frame;
    problems_.push_back(frame.is_discarded() ? "a line of stdout that is not JSON in UTF-8"
                                             : "a line of stdout that is no object with id and type");
  }
}

void WorkerDriver::finish() {
  process_->close_stdin();
  const auto status = process_->wait_exit(std::chrono::seconds{20});
  while (next(std::chrono::milliseconds{0})) {
  }
  // Exit codes are not checked here: a chat that is expected to fail has an exit code of its own.
  if (!status) {
    problems_.emplace_back("the worker did not exit within 20 s of the end of its stdin");
  } else if (status->signal != 0) {
    problems_.push_back("the worker was killed by signal " + std::to_string(status->signal));
  }
  const std::string& words = process_->stderr_text();
  if (words.find("ERROR: AddressSanitizer") != std::string::npos || words.find("runtime error:") != std::string::npos ||
      words.find("WARNING: ThreadSanitizer") != std::string::npos) {
    problems_.push_back("a sanitizer's report:\n" + words);
  }
}

std::filesystem::path default_worker() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::filesystem::path("ai-worker") : self.parent_path() / "ai-worker";
}

}  // namespace aiw::tools
