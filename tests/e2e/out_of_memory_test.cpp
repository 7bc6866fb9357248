// Out-of-memory at every allocation (row 88 of the table of faults).
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

#ifndef AIW_SANITIZED  // a sanitizer has its own allocator

namespace aiw::e2e {
namespace {

constexpr const char* kAnswer = "All of the answer, to its last word.";

// One mock chat and one chat over HTTP, in a worker whose allocations fail at given places.
class Torture {
 public:
  Torture() {
    upstream_.answer("p", {event_stream(openai_answer({"All of the answer, ", "to its last word."}))});
    chats_ = mock_chat("mock", Json::array({{{"text", kAnswer}, {"chunks", 5}}})).dump() + "\n" +
             upstream_.chat("http", "p").dump() + "\n";
  }

  // Returns the number of allocations of a run without failures.
  std::size_t allocations() {
    const std::string report = std::filesystem::temp_directory_path() / ("aiw-alloc-" + std::to_string(getpid()));
    run({"AIW_FAIL_REPORT=" + report});
    std::size_t count = 0;
    std::ifstream(report) >> count;
    std::filesystem::remove(report);
    REQUIRE(count > 100);
    return count;
  }

  void fail(std::size_t at, std::size_t count) {
    CAPTURE(at);
    CAPTURE(count);
    run({"AIW_FAIL_AT=" + std::to_string(at), "AIW_FAIL_COUNT=" + std::to_string(count)});
  }

  void report() const {
    std::string text;
    for (const auto& [name, number] : outcomes_) text += " " + name + "=" + std::to_string(number);
    MESSAGE("outcomes of chats and exits:" << text);
  }
  [[nodiscard]] std::size_t outcomes(const std::string& name) const {
    const auto found = outcomes_.find(name);
    return found == outcomes_.end() ? 0 : found->second;
  }

 private:
  void run(std::vector<std::string> environment) {
    environment.push_back(std::string("LD_PRELOAD=") + AIW_FAILING_MALLOC);
    TestWorker worker({"--drain-ms", "0"}, std::move(environment));
    worker.process().write(chats_, kPatience);  // may fail: the worker may already have exited
    worker.process().close_stdin();
    const int code = worker.exit_code();  // checks every frame; a fatal signal fails the test
    const std::string& complaint = worker.process().stderr_text();
    CAPTURE(complaint);
    // 127 comes from the C library, when an allocation fails while the process exits. By then every chat has ended.
    const bool answered = worker.log("mock").ended && worker.log("http").ended;
    CHECK((code == 0 || code == 70 || code == 71 || (code == 127 && answered)));
    if (code == 71) CHECK(complaint.find("ai-worker: out of memory\n") != std::string::npos);
    ++outcomes_["exit-" + std::to_string(code)];
    for (const char* id : {"mock", "http"}) check(worker.log(id), code);
  }

  // A chat that ended with `done` must have its whole response. Every other accepted chat must have an error or a
  // rejection, unless the worker exited before it read the line.
  void check(const FrameLog& log, int code) {
    const std::string outcome = log.outcome();
    ++outcomes_[log.frames.empty() ? "unheard" : outcome];
    if (outcome == "done") {
      CHECK(log.text() == kAnswer);
      CHECK(log.last().at("data").at("finishReason") == "stop");
    } else {
      CHECK((log.ended || log.count("rejected") == 1 || (code != 0 && log.frames.empty())));
    }
  }

  Upstream upstream_;
  std::string chats_;
  std::map<std::string, std::size_t> outcomes_;
};

// Step between tested allocations, for about `runs` runs; AIW_ALLOC_EVERY sets it (1 tests each allocation).
std::size_t stride(std::size_t allocations, std::size_t runs) {
  const char* const every = std::getenv("AIW_ALLOC_EVERY");
  return every == nullptr ? std::max<std::size_t>(allocations / runs, 1) : std::strtoul(every, nullptr, 10);
}

TEST_CASE("fault 88: a failed allocation, the n-th for many n, fails at most a chat and never damages a frame") {
  Torture torture;
  const std::size_t all = torture.allocations();
  MESSAGE(all << " allocations");
  for (std::size_t at = 1; at <= all; at += stride(all, 100)) torture.fail(at, 1);
  torture.report();
  CHECK(torture.outcomes("done") > 0);
}

TEST_CASE("fault 88: when all allocations from the n-th on fail, chats end with an error and the exit code is 71") {
  Torture torture;
  const std::size_t all = torture.allocations();
  for (std::size_t at = 1; at <= all; at += stride(all, 100)) torture.fail(at, 1'000'000);
  for (std::size_t at = 1; at <= all; at += stride(all, 50)) torture.fail(at, 50);
  torture.report();
  CHECK(torture.outcomes("exit-71") > 0);
  CHECK(torture.outcomes("resource_exhausted") > 0);
}

TEST_CASE("fault 88: when memory runs out while output waits for a slow reader, each chat ends once, with its error") {
  std::size_t exhausted = 0;
  for (const int mebibytes : {50, 70, 90, 95, 100, 105, 110}) {
    CAPTURE(mebibytes);
    TestWorker worker =
        TestWorker::under_shell("ulimit -v " + std::to_string(mebibytes * 1024) + "; exec \"$0\" --drain-ms 2000");
    for (int i = 0; i < 20; ++i) {
      worker.send(
          mock_chat("c" + std::to_string(i), Json::array({{{"text", std::string(4'000, 'w')}, {"repeat", 300}}})));
    }
    std::this_thread::sleep_for(Milliseconds(600));  // the test reads nothing during this time
    worker.process().close_stdin();
    const int code = worker.exit_code();  // checks every frame
    CHECK((code == 0 || code == 71));
    for (int i = 0; i < 20; ++i) {
      const FrameLog& log = worker.log("c" + std::to_string(i));
      const std::string outcome = log.frames.empty() ? "" : log.outcome();
      CAPTURE(outcome);
      // On a busy machine memory may run out before every line was read.
      CHECK((outcome == "done" || (code == 71 && (log.frames.empty() || outcome == "resource_exhausted"))));
      if (outcome != "resource_exhausted") continue;
      ++exhausted;
      CHECK(log.last().at("data").at("retryable") == true);
    }
  }
  MESSAGE(exhausted << " of 140 chats were told so");
  CHECK(exhausted > 0);
}

TEST_CASE("fault 88: a line that cannot get memory is rejected, and the next line is served") {
  TestWorker worker = TestWorker::under_shell("ulimit -v 160000; exec \"$0\"");
  worker.ask({{"id", "h"}, {"type", "health"}});
  worker.send_text(R"({"id":"large","type":"chat","x":")" + std::string(60 * kMiB, 'x') + "\"}");
  worker.send(mock_chat("next", Json::array({{{"text", kAnswer}}})));
  CHECK(worker.end_of("next").text() == kAnswer);
  REQUIRE(worker.without_id().size() == 2);  // `ready`, and the rejection of the line
  CHECK(worker.without_id().back().at("data").at("code") == "resource_exhausted");
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e

#endif
