// A worker under replay: lines go in, parsed frames come out.
#pragma once

#include <chrono>
#include <expected>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "tools/support/worker_process.hpp"

namespace aiw::tools {

class WorkerDriver {
 public:
  // `frames`, if not null, gets every line of stdout as it came; it must outlive the driver. The error is a sentence.
  static std::expected<std::unique_ptr<WorkerDriver>, std::string> start(const std::filesystem::path& program,
                                                                         std::ostream* frames);

  bool send(std::string_view line) { return process_->write_line(line); }
  // The next frame that is a JSON object. Nothing at the end of stdout or when the time is over.
  std::optional<nlohmann::json> next(std::chrono::milliseconds timeout);
  // Closes stdin and waits for the worker to end; frames that still come are read and dropped.
  void finish();
  // What no chat can be blamed for: lines that are no JSON or no UTF-8, a crash.
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

 private:
  WorkerDriver(std::unique_ptr<WorkerProcess> process, std::ostream* frames)
      : process_(std::move(process)), frames_(frames) {}

  std::unique_ptr<WorkerProcess> process_;
  std::ostream* frames_;
  std::vector<std::string> problems_;
};

// The ai-worker that stands beside the running program, where a build puts both.
std::filesystem::path default_worker();

}  // namespace aiw::tools
