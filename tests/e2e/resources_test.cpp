// Environment of the worker: a stopped process, logs that nobody reads, and clocks that jump (rows 33, 90 and 91 of the
// table of faults).
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "tests/e2e/temporary_folder.hpp"
#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

TEST_CASE("fault 33: after SIGSTOP and SIGCONT streams continue, and missed timers do not fire in a burst") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 150);
  // While the process is stopped, 40 heartbeats (one each 50 ms) would become due, and the idle timeout passes, too.
  worker.send(mock_chat("beats", Json::array({{{"delayMs", 3'000}}, {{"text", "awake"}}}), {{"heartbeatMs", 50}}));
  std::vector<std::string> pieces(100, text_event("piece "));
  pieces.push_back(openai_ending());
  upstream.answer("p", {paced(pieces, Milliseconds(20))});
  worker.send(upstream.chat("idle", "p", {{"timeouts", {{"idleMs", 1'000}}}}));
  worker.wait_for("idle", "delta");
  worker.wait_for("beats", "heartbeat");
  const std::size_t before = worker.log("beats").count("heartbeat");
  worker.process().send_signal(SIGSTOP);
  std::this_thread::sleep_for(Milliseconds(2'000));
  worker.process().send_signal(SIGCONT);
  const auto awake = Steady::now();
  CHECK(worker.end_of("beats").text() == "awake");
  // Expected: one heartbeat that was due, and those of the time since. A burst would be 40 more at once.
  const auto since = std::chrono::duration_cast<Milliseconds>(Steady::now() - awake).count();
  const auto beats = static_cast<std::int64_t>(worker.log("beats").count("heartbeat") - before);
  MESSAGE(beats << " heartbeats in " << since << " ms after two seconds of standstill");
  CHECK(beats <= since / 50 + 10);
  CHECK(worker.end_of("idle").outcome() == "done");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

// Makes the worker write to stderr many times while a stream runs.
void make_noise(TestWorker& worker, const char* where) {
  CAPTURE(where);
  Upstream upstream;
  REQUIRE(worker.next());  // waits for `ready`: before it, SIGUSR1 would still have its default effect
  Canary canary(worker, upstream);
  for (int i = 0; i < 1'500; ++i) {
    worker.process().send_signal(SIGUSR1);  // writes one line of statistics
    if (i % 10 == 0) worker.ask({{"id", "h"}, {"type", "health"}});
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 90: log lines that cannot be written are dropped, and no frame waits for them") {
  for (const char* shell : {"exec \"$0\" 2>/dev/full", "exec \"$0\" 2>&-"}) {
    TestWorker worker = TestWorker::under_shell(shell);
    make_noise(worker, shell);
  }
}

TEST_CASE("fault 90: the worker continues when its log file is deleted") {
  const TemporaryFolder folder;
  const std::string log = folder.file("log");
  TestWorker worker = TestWorker::under_shell("exec \"$0\" 2>" + log);
  REQUIRE(eventually([&] { return std::filesystem::exists(log); }));
  std::filesystem::remove(log);
  make_noise(worker, "a deleted file");
}

TEST_CASE("fault 90: log lines that nobody reads are dropped and counted, and no frame waits for them") {
  const TemporaryFolder folder;
  const std::string fifo = folder.file("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  // The worker itself holds the read end and does not read.
  TestWorker worker = TestWorker::under_shell("exec \"$0\" 2<>" + fifo);
  make_noise(worker, "a pipe that is full");
}

#ifndef AIW_SANITIZED  // a sanitizer needs descriptors itself, and no library can be preloaded before it
TEST_CASE("fault 40: a worker that gets no descriptors at its start reports the system as the cause, not a bug") {
  TestWorker worker = TestWorker::under_shell("ulimit -n 6; exec \"$0\"");
  CHECK(worker.exit_code() == 71);
  CHECK(worker.complaints() == "ai-worker: the system gives no thread or descriptor\n");
}

TEST_CASE("fault 91: a wall clock that jumps by days changes no stream, delay or timeout") {
  Upstream upstream;
  TestWorker worker({}, {std::string("LD_PRELOAD=") + AIW_JUMPING_CLOCK});
  Canary canary(worker, upstream);
  const Script busy{.status = 503, .headers = {{"Retry-After", "1"}}, .body = "{}"};
  upstream.answer("busy", {busy, event_stream(openai_answer({"at last"}))});
  upstream.answer("slow", {paced(std::vector<std::string>(20, text_event("x")), Milliseconds(100))});
  upstream.answer("hang", {{.ending = Ending::kHang, .before_head = true}});
  worker.send(upstream.chat("busy", "busy"));
  worker.send(upstream.chat("idle", "slow", {{"timeouts", {{"idleMs", 60'000}, {"totalMs", 120'000}}}}));
  worker.send(upstream.chat("hang", "hang", {{"timeouts", {{"firstByteMs", 300}}}, {"retry", {{"max", 0}}}}));
  worker.send(mock_chat("mock", Json::array({{{"delayMs", 300}}, {{"text", "later"}}})));
  CHECK(worker.end_of("mock").text() == "later");
  CHECK(worker.end_of("hang").outcome() == "timeout_first_byte");
  CHECK(worker.end_of("busy").text() == "at last");
  const auto retries = worker.log("busy").all("retry");
  REQUIRE(retries.size() == 1);
  const std::int64_t delay = retries.front().at("data").at("delayMs");
  CHECK(delay >= 1'000);
  CHECK(delay <= 2'000);
  CHECK(worker.end_of("idle").outcome() == "truncated_stream");  // the upstream ended it; it is not a timeout
  for (const char* id : {"mock", "busy", "hang"}) {
    const Json& data = worker.log(id).last().at("data");
    if (!data.contains("timing")) continue;
    CHECK(data.at("timing").at("totalMs") >= 0);
    CHECK(data.at("timing").at("totalMs") < 3'600'000);
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}
#endif

}  // namespace
}  // namespace aiw::e2e
