// More work than the worker can run: it is rejected or waits, and other chats are not disturbed (rows 17, 40, 66 and 89
// of the table of faults).
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"
#include "tools/support/synthetic_stream.hpp"

namespace aiw::e2e {
namespace {

Script endless_stream() {
  static const auto stream = tools::SyntheticStream::make({.chunks = 1'000'000'000, .event_bytes = 16'384});
  REQUIRE(stream.has_value());
  Script script = event_stream({});
  script.stream = *stream;
  return script;
}

// Order of the frames on stdout, between the first and the last frame that is not a canary delta.
struct Mixture {
  std::size_t canary = 0;       // canary deltas in this range
  std::size_t longest_run = 0;  // longest sequence of other frames without a canary delta
  std::size_t others = 0;
};

// Reads until `done()` and returns the order of the frames.
Mixture read_mixed(TestWorker& worker, const std::function<bool()>& done) {
  worker.keep_output();
  REQUIRE(worker.read_until(done));
  Mixture mixture;
  std::size_t run = 0, canary = 0;
  std::string_view rest = worker.all_output();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.starts_with(R"({"id":"canary","seq":)") && line.find(R"("type":"delta")") != std::string_view::npos) {
      run = 0;
      canary += mixture.others > 0 ? 1 : 0;
    } else {
      ++mixture.others;
      mixture.canary = canary;
      mixture.longest_run = std::max(mixture.longest_run, ++run);
    }
  }
  return mixture;
}

// Sends one flood of lines while a stream runs, and returns the order of their frames.
Mixture flood_with_lines() {
  Upstream upstream;
  const std::size_t flood = kSanitized ? 20'000 : 100'000;
  TestWorker worker({"--max-queued", "10", "--max-in-flight", "2", "--drain-ms", "0"});
  Canary canary(worker, upstream, 10'000);  // longer than any flood; cancelled at the end
  worker.send(mock_chat("long", Json::array({{{"delayMs", 3'600'000}}})));
  std::string lines;
  for (std::size_t i = 0; i < flood; ++i) lines += mock_chat("f" + std::to_string(i), Json::array()).dump() + "\n";
  lines += R"({"id":"h","type":"health"})"
           "\n";
  REQUIRE(worker.process().write(lines, kPatience));
  const Mixture mixture = read_mixed(worker, [&] { return worker.log("h").count("health_ok") == 1; });
  MESSAGE("at most " << mixture.longest_run << " of " << mixture.others << " frames without one of the "
                     << mixture.canary << " of the canary");
  CHECK(mixture.others >= flood - 20);
  CHECK(mixture.canary >= 5);
  worker.send(cancel_line("x", "canary"));
  worker.end_of("canary");
  worker.process().send_signal(SIGTERM);
  CHECK(worker.exit_code() == 75);
  return mixture;
}

TEST_CASE("fault 17: a stream continues between the responses to a hundred thousand lines that arrive at once") {
  // On a busy machine the stream itself may pause. One flood of three must be mixed well.
  bool mixed = false;
  for (int turn = 0; turn < 3 && !mixed; ++turn) {
    const Mixture mixture = flood_with_lines();
    mixed = mixture.longest_run <= mixture.others / 2;
  }
  CHECK(mixed);
}

TEST_CASE("fault 66: a slow stream continues and finishes while four endless streams flood the worker") {
  Upstream upstream;
  TestWorker worker;
  constexpr int kFloods = 4;
  upstream.answer("flood", {endless_stream()});
  Canary canary(worker, upstream, 30);
  for (int i = 0; i < kFloods; ++i) {
    worker.send(upstream.chat("f" + std::to_string(i), "flood", {{"retry", {{"max", 0}}}}));
  }
  const FrameLog& trickle = worker.end_of("canary");
  CHECK(trickle.outcome() == "done");
  int running = 0;
  for (int i = 0; i < kFloods; ++i) running += worker.log("f" + std::to_string(i)).ended ? 0 : 1;
  CHECK(running > 0);  // the canary ended before the floods did
  canary.check();
  for (int i = 0; i < kFloods; ++i) {
    const std::string id = "f" + std::to_string(i);
    worker.send(cancel_line("x" + id, id));
  }
  for (int i = 0; i < kFloods; ++i) {
    const std::string outcome = worker.end_of("f" + std::to_string(i)).outcome();
    CHECK((outcome == "done" || outcome == "response_too_large"));
  }
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 40: with few descriptors, chats wait for each other, and none is rejected or fails") {
  Upstream upstream;
  constexpr int kChats = 100;
  TestWorker worker = TestWorker::under_shell("ulimit -n 64; exec \"$0\"");
  REQUIRE(worker.next());
  const std::size_t at_once = worker.without_id().front().at("data").at("limits").at("maxInFlight");
  CHECK(at_once == 20);
  Canary canary(worker, upstream);
  upstream.answer("p", {paced({text_event("a"), text_event("b"), openai_ending()}, Milliseconds(50))});
  for (int i = 0; i < kChats; ++i) worker.send(upstream.chat("c" + std::to_string(i), "p"));
  std::size_t most = 0;
  for (int i = 0; i < kChats; ++i) {
    const FrameLog& log = worker.end_of("c" + std::to_string(i));
    CHECK(log.outcome() == "done");
    CHECK(log.count("retry") == 0);
    most = std::max(most, upstream.open_connections());
  }
  CHECK(most <= at_once + 16);  // 16 more for idle connections
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 40: the soft limit of descriptors is raised, at most to what the parent allows") {
  for (const auto& [limits, at_once] :
       {std::pair{"ulimit -Sn 256; ulimit -Hn 512", 265}, std::pair{"ulimit -Sn 128; ulimit -Hn 128", 55}}) {
    TestWorker worker = TestWorker::under_shell(std::string(limits) + "; exec \"$0\"");
    REQUIRE(worker.next());
    CHECK(worker.without_id().front().at("data").at("limits").at("maxInFlight") == at_once);
    CHECK(worker.close_and_exit() == 0);
  }
}

TEST_CASE("fault 108: every allowed chat gets its connection, even if idle connections were kept before") {
  Upstream first, second, third;
  TestWorker worker = TestWorker::under_shell("ulimit -n 256; exec \"$0\"");
  REQUIRE(worker.next());
  const int at_once = worker.without_id().front().at("data").at("limits").at("maxInFlight");
  CHECK(at_once == 125);
  int round = 0;
  for (Upstream* upstream : {&first, &second, &third}) {
    ++round;
    // No chat of a round ends before the last one has started. So the limit is reached on a machine of any speed.
    upstream->answer("p", {paced({text_event("a"), text_event("b"), openai_ending()}, Milliseconds(1'000))});
    const auto id = [&](int i) { return std::to_string(round) + "-" + std::to_string(i); };
    for (int i = 0; i < at_once; ++i) worker.send(upstream->chat(id(i), "p"));
    for (int i = 0; i < at_once; ++i) {
      const FrameLog& log = worker.end_of(id(i));
      CHECK(log.outcome() == "done");
      CHECK(log.count("retry") == 0);
    }
  }
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 17: queued chats have a limit in bytes, too") {
  Upstream upstream;
  TestWorker worker({"--max-in-flight", "2", "--max-queued-bytes", "3000000", "--drain-ms", "0"});
  Canary canary(worker, upstream);
  // The second chat takes the place of the canary.
  for (const char* id : {"long", "long2"}) worker.send(mock_chat(id, Json::array({{{"delayMs", 3'600'000}}})));
  const Json large = Json::array({{{"role", "user"}, {"content", std::string(kMiB, 'x')}}});
  for (int i = 0; i < 6; ++i) {
    worker.send(mock_chat("c" + std::to_string(i), Json::array({{{"text", "x"}}}), {{"messages", large}}));
  }
  const Json health = worker.ask({{"id", "h"}, {"type", "health"}});
  CHECK(health.at("data").at("queued") <= 3);
  std::size_t refused = 0;
  for (int i = 0; i < 6; ++i) {
    const auto rejected = worker.log("c" + std::to_string(i)).all("rejected");
    if (rejected.empty()) continue;
    ++refused;
    CHECK(rejected.front().at("data").at("code") == "overloaded");
    CHECK(rejected.front().at("data").at("retryable") == true);
    CHECK(rejected.front().at("data").at("retryAfterMs") > 0);
  }
  CHECK(refused == 4);
  canary.check();
  worker.process().send_signal(SIGTERM);
  CHECK(worker.exit_code() == 75);
}

TEST_CASE("fault 89: near the memory limit new chats are rejected with overloaded, and running chats finish") {
  if (kSanitized) return;
  Upstream upstream;
  constexpr std::size_t kLimit = 128 * kMiB;
  constexpr int kChats = 500;
  TestWorker worker({"--max-memory", std::to_string(kLimit)});
  Canary canary(worker, upstream);
  std::vector<std::string> pieces(10, text_event("piece "));
  pieces.push_back(openai_ending());
  upstream.answer("p", {paced(pieces, Milliseconds(300))});
  const Json history = Json::array({{{"role", "user"}, {"content", std::string(500'000, 'x')}}});
  worker.reset_peak_rss();
  const std::string line = upstream.chat("ID", "p", {{"messages", history}}).dump();
  for (int i = 0; i < kChats; ++i) {
    worker.send_text("{\"id\":\"c" + std::to_string(i) + line.substr(std::string_view(R"({"id":"ID)").size()));
  }
  int done = 0, refused = 0;
  for (int i = 0; i < kChats; ++i) {
    const std::string id = "c" + std::to_string(i);
    REQUIRE(worker.read_until([&] { return worker.log(id).ended || worker.log(id).count("rejected") > 0; }));
    const FrameLog& log = worker.log(id);
    if (log.ended) {
      CHECK(log.outcome() == "done");
      ++done;
    } else {
      CHECK(log.last().at("data").at("code") == "overloaded");
      ++refused;
    }
  }
  MESSAGE(done << " chats ended well, " << refused << " were refused; peak memory " << worker.peak_rss() / kMiB
               << " MiB");
  CHECK(done > 0);
  CHECK(refused > 0);
  CHECK(worker.peak_rss() <= kLimit);
  canary.check();
  // Ended chats have released their memory.
  worker.send(upstream.chat("later", "p", {{"messages", history}}));
  CHECK(worker.end_of("later").outcome() == "done");
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
