// Driver of a worker under replay: writes lines, returns parsed frames.
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
  // `frames`, if not null, receives every raw line of stdout; it must outlive the driver. The error is a sentence.
  static std::expected<std::unique_ptr<WorkerDriver>, std::string> start(const std::filesystem::path& program,
                                                                         std::ostream* frames);

  bool send(std::string_view line) { return process_->write_line(line); }
  // Returns the next frame that is a JSON object. Returns nothing at the end of stdout or after the timeout.
  std::optional<nlohmann::json> next(std::chrono::milliseconds timeout);
  // Closes stdin and waits until the worker exits. Remaining frames are read and discarded.
  void finish();
  // Returns problems that belong to no chat: lines that are not JSON or not UTF-8, a crash.
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

 private:
  WorkerDriver(std::unique_ptr<WorkerProcess> process, std::ostream* frames)
      : process_(std::move(process)), frames_(frames) {}

  std::unique_ptr<WorkerProcess> process_;
  std::ostream* frames_;
  std::vector<std::string> problems_;
};

// Returns the path of the ai-worker next to the running program, where a build puts both.
std::filesystem::path default_worker();

}  // namespace aiw::tools
