#include "tests/e2e/test_worker.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "tools/support/process_stats.hpp"

namespace aiw::e2e {

namespace {

// Limits on the deltas of one worker that are kept for the schema validation. Every delta is checked here in any case.
constexpr std::size_t kMaxDeltasKept = 2'000;
constexpr std::size_t kLongestDeltaKept = 16'384;

// File with the frames of this test run, for the schema validation that follows.
std::ofstream& frames_file(Words words) {
  const auto open = [](const char* name) {
    const char* const run = std::getenv("AIW_FRAMES");  // file name prefix, for several runs at the same time
    return std::ofstream(std::string(AIW_BINARY_DIR) + "/" + (run == nullptr ? "e2e" : run) + name,
                         std::ios::binary | std::ios::trunc);
  };
  static std::ofstream v1 = open("-frames.jsonl");
  static std::ofstream leanspec = open("-leanspec-frames.jsonl");
  return words == Words::v1 ? v1 : leanspec;
}

// Adds --allow-core for users other than root: only root may inspect a process that allows no core files. Some tests
// measure memory or count descriptors.
std::vector<std::string> watchable(std::vector<std::string> args) {
  if (geteuid() != 0) args.emplace_back("--allow-core");
  return args;
}

std::unique_ptr<tools::WorkerProcess> spawn(const tools::WorkerCommand& command) {
  auto process = tools::WorkerProcess::spawn(command);
  if (!process) FAIL(process.error());
  return std::move(*process);
}

}  // namespace

void keep_frame(Words words, std::string_view line) { frames_file(words) << line << '\n' << std::flush; }

std::string worker_binary() { return AIW_WORKER; }

std::vector<Json> FrameLog::all(std::string_view type) const {
  std::vector<Json> found;
  for (const Frame& frame : frames) {
    if (frame.json.at("type") == type) found.push_back(frame.json);
  }
  return found;
}

std::vector<std::string> FrameLog::types() const {
  std::vector<std::string> types;
  for (const Frame& frame : frames) {
    std::string type = frame.type();
    if (type != "delta" || types.empty() || types.back() != "delta") types.push_back(std::move(type));
  }
  return types;
}

std::string FrameLog::text(std::string_view kind) const {
  std::string text;
  for (const Frame& frame : frames) {
    if (frame.json.at("type") == "chunk") text += frame.json.at("data").at("text").get_ref<const std::string&>();
    if (frame.json.at("type") != "delta") continue;
    const Json& data = frame.json.at("data");
    if (data.at("kind") == kind) text += data.at("text").get_ref<const std::string&>();
  }
  return text;
}

std::string FrameLog::outcome() const {
  if (!ended) return "not ended";
  if (last().at("type") == "done") return "done";
  return last().contains("data") ? last().at("data").at("code") : last().at("code");
}

TestWorker::TestWorker(std::vector<std::string> args, std::vector<std::string> environment, Words words)
    : TestWorker(
          {.program = worker_binary(), .args = watchable(std::move(args)), .environment = std::move(environment)},
          words) {}

TestWorker::TestWorker(const tools::WorkerCommand& command, Words words) : process_(spawn(command)), words_(words) {}

TestWorker TestWorker::under_shell(const std::string& shell) {
  return TestWorker({.program = "sh", .args = {"-c", shell, worker_binary()}}, Words::v1);
}

void TestWorker::send_text(std::string_view line) { REQUIRE(process_->write_line(line, kPatience)); }

bool TestWorker::next(Milliseconds timeout) {
  const auto line = process_->read_line(timeout);
  if (line) take(*line);
  return line.has_value();
}

void TestWorker::take(const std::string& line) {
  if (keep_output_) output_.append(line).push_back('\n');
  Frame frame;
  frame.read_at = Steady::now();
  try {
    frame.json = Json::parse(line);
  } catch (const Json::exception& error) {
    FAIL("a frame is no JSON: " << error.what());
  }
  const bool is_delta = frame.json.value("type", "") == "delta";
  const bool kept = !is_delta || (line.size() <= kLongestDeltaKept && ++deltas_ <= kMaxDeltasKept);
  if (kept) keep_frame(words_, line);
  words_ == Words::v1 ? take_v1(std::move(frame)) : take_leanspec(std::move(frame));
}

void TestWorker::take_v1(Frame frame) {
  if (frame.json.at("id").is_null()) return without_id_.push_back(frame.json);
  const std::string id = frame.json.at("id");
  const std::string type = frame.type();
  FrameLog& log = logs_[id];
  if (frame.json.contains("seq")) {
    // Responses to other lines with this id have no seq and may come in between.
    if (log.ended && frame.json["seq"] == 0) earlier_.push_back(std::exchange(log, {}));
    const auto numbered = std::ranges::count_if(log.frames, [](const Frame& f) { return f.json.contains("seq"); });
    CHECK_MESSAGE(!log.ended, "an event after the terminal one");
    // Long streams are checked against their last frame only, so that the check stays linear.
    const bool plain = !log.frames.empty() && log.frames.back().json.contains("seq");
    const std::int64_t expected = plain ? log.frames.back().json["seq"].get<std::int64_t>() + 1 : numbered;
    if (frame.json["seq"] != expected) CHECK(frame.json["seq"] == expected);
    log.ended = type == "done" || type == "error";
    done_ += type == "done" ? 1 : 0;
    errors_ += type == "error" ? 1 : 0;
  }
  log.frames.push_back(std::move(frame));
}

void TestWorker::take_leanspec(Frame frame) {
  FrameLog& log = logs_[frame.json.at("id").get<std::string>()];
  const std::string type = frame.type();
  // leanspec-http accepts only these types.
  constexpr std::array kTypes = {"chunk", "tool_call", "tool_result", "done", "error", "health_ok", "config_reloaded"};
  CHECK_MESSAGE(std::ranges::count(kTypes, type) == 1, type);
  CHECK_MESSAGE(!log.ended, "a frame after the last one");
  log.ended = type == "done" || type == "error";
  log.frames.push_back(std::move(frame));
}

bool TestWorker::read_until(const std::function<bool()>& done) {
  const auto deadline = Steady::now() + kPatience;
  while (!done()) {
    if (!next()) {
      REQUIRE_MESSAGE(process_->stdout_ended(), "waited for frames in vain");
      return false;
    }
    REQUIRE(Steady::now() < deadline);
  }
  return true;
}

const FrameLog& TestWorker::end_of(const std::string& id) {
  const bool ended = read_until([&] { return log(id).ended; });
  REQUIRE_MESSAGE(ended, "stdout ended before chat " << id << ": " << process_->stderr_text());
  return log(id);
}

Json TestWorker::wait_for(const std::string& id, std::string_view type, std::size_t count) {
  const auto found = [&]() -> const Frame* {
    std::size_t seen = 0;
    for (const Frame& frame : log(id).frames) {
      if (frame.json.at("type") == type && ++seen == count) return &frame;
    }
    return nullptr;
  };
  const bool there = read_until([&] { return found() != nullptr; });
  REQUIRE_MESSAGE(there, "stdout ended before " << type << " of " << id << ": " << process_->stderr_text());
  return found()->json;
}

Json TestWorker::ask(const Json& line) {
  send(line);
  const std::string id = line.at("id");
  const std::size_t before = log(id).frames.size();
  REQUIRE(read_until([&] { return log(id).frames.size() > before; }));
  return log(id).frames[before].json;
}

int TestWorker::exit_code() {
  read_until([] { return false; });
  const auto exit = process_->wait_exit(kPatience);
  REQUIRE(exit.has_value());
  REQUIRE_MESSAGE(exit->signal == 0, "killed by signal " << exit->signal << ": " << process_->stderr_text());
  return exit->code;
}

int TestWorker::close_and_exit() {
  process_->close_stdin();
  return exit_code();
}

std::string TestWorker::complaints() const {
  std::istringstream lines(process_->stderr_text());
  std::string complaints;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("LLVM Profile")) complaints += line + '\n';
  }
  return complaints;
}

const FrameLog& TestWorker::log(const std::string& id) const {
  static const FrameLog kNone;
  const auto found = logs_.find(id);
  return found == logs_.end() ? kNone : found->second;
}

std::size_t TestWorker::rss() const { return tools::memory_use(process_->pid()).value_or(tools::MemoryUse{}).rss; }

std::size_t TestWorker::peak_rss() const {
  return tools::memory_use(process_->pid()).value_or(tools::MemoryUse{}).peak_rss;
}

void TestWorker::reset_peak_rss() const { tools::reset_peak_rss(process_->pid()); }

std::size_t TestWorker::sockets() const {
  namespace fs = std::filesystem;
  std::error_code error;
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(process_->pid()) + "/fd", error)) {
    count += fs::read_symlink(entry, error).string().starts_with("socket:") ? 1 : 0;
  }
  return count;
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = Steady::now() + kPatience;
  while (!condition()) {
    if (Steady::now() >= deadline) return false;
    std::this_thread::sleep_for(Milliseconds(5));
  }
  return true;
}

}  // namespace aiw::e2e
