// The process: first line, signals, exit codes and command line (rows 30 to 32 of the table of faults).
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

const Script kHanging = {.ending = Ending::kHang, .before_head = true};

struct Run {
  int code;
  std::string out;
  std::string err;
};

// Runs a program that exits by itself and prints no frames.
Run run_program(std::vector<std::string> args) {
  auto process = tools::WorkerProcess::spawn({.program = worker_binary(), .args = std::move(args)});
  REQUIRE(process.has_value());
  const auto exit = (*process)->wait_exit(kPatience);
  REQUIRE(exit.has_value());
  REQUIRE(exit->signal == 0);
  std::string out;
  while (auto line = (*process)->read_line(kPatience)) out += *line + "\n";
  return {exit->code, out, (*process)->stderr_text()};
}

TEST_CASE("the first frame is ready, without an id, with the protocol and the limits") {
  TestWorker worker({"--max-line-bytes", "123456", "--max-in-flight", "7"});
  worker.send({{"id", "h"}, {"type", "health"}});
  REQUIRE(worker.next());
  REQUIRE(worker.without_id().size() == 1);
  const Json& ready = worker.without_id()[0];
  CHECK(ready.at("type") == "ready");
  CHECK(ready.at("data").at("protocol") == 1);
  CHECK(ready.at("data").at("limits").at("maxLineBytes") == 123456);
  CHECK(ready.at("data").at("limits").at("maxInFlight") == 7);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("health gets a response while hundreds of chats run, and each chat ends as expected") {
  Upstream upstream;
  TestWorker worker;
  constexpr int kChats = 200;
  const auto words = [](int i) {
    std::vector<std::string> all;
    for (int word = 0; word < 20; ++word) all.push_back(std::to_string(i) + "." + std::to_string(word) + " ");
    return all;
  };
  for (int i = 0; i < kChats; ++i) {
    const std::string id = (i % 2 == 0 ? "p" : "anthropic") + std::to_string(i);
    std::vector<std::string> events;
    if (i % 2 == 0) {
      for (const std::string& word : words(i)) events.push_back(text_event(word));
      events.push_back(openai_ending());
      upstream.answer(id, {paced(events, Milliseconds(5))});
    } else {
      upstream.answer(id, {event_stream(anthropic_answer(words(i)), {.mode = Cut::Mode::kRandom, .seed = 1})});
    }
    worker.send(upstream.chat(id, id));
  }
  const Json health = worker.ask({{"id", "h"}, {"type", "health"}});
  CHECK(health.at("data").at("ready") == true);
  CHECK(health.at("data").at("inFlight") > 0);
  for (int i = 0; i < kChats; ++i) {
    const FrameLog& log = worker.end_of((i % 2 == 0 ? "p" : "anthropic") + std::to_string(i));
    std::string expected;
    for (const std::string& word : words(i)) expected += word;
    CHECK(log.outcome() == "done");
    CHECK(log.text() == expected);
  }
  CHECK(worker.done_count() == kChats);
  CHECK(worker.ask({{"id", "h2"}, {"type", "health"}}).at("data").at("inFlight") == 0);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 30: SIGTERM ends an idle worker with exit code 0") {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    CAPTURE(signal);
    TestWorker worker;
    worker.ask({{"id", "h"}, {"type", "health"}});
    worker.process().send_signal(signal);
    CHECK(worker.exit_code() == 0);
  }
}

TEST_CASE("faults 30, 32: after SIGTERM or SIGHUP running chats finish, nothing more is read, and the exit code is 0") {
  for (const int signal : {SIGTERM, SIGHUP}) {
    CAPTURE(signal);
    Upstream upstream;
    TestWorker worker;
    Canary canary(worker, upstream, 60);
    worker.process().send_signal(signal);
    // While draining, the worker may not read this line at all. If it does, it rejects the line.
    REQUIRE(worker.read_until([&] { return worker.log("canary").count("delta") >= 10; }));
    worker.process().write_line(upstream.chat("late", "canary").dump());
    canary.check();
    CHECK(worker.exit_code() == 0);
    CHECK((worker.log("late").frames.empty() || worker.log("late").last().at("data").at("code") == "shutting_down"));
  }
}

TEST_CASE("fault 30: chats that exceed the drain time after SIGTERM end with shutting_down, and the exit code is 75") {
  Upstream upstream;
  TestWorker worker({"--drain-ms", "300", "--max-in-flight", "4"});
  upstream.answer("p", {broken_stream(text_event("half"), Ending::kHang)});
  Canary canary(worker, upstream, 10);
  for (int i = 0; i < 5; ++i) worker.send(upstream.chat("c" + std::to_string(i), "p"));
  for (int i = 0; i < 3; ++i) worker.wait_for("c" + std::to_string(i), "delta");
  canary.check();
  worker.process().send_signal(SIGTERM);
  CHECK(worker.exit_code() == 75);
  CHECK(worker.error_count() == 5);
  for (int i = 0; i < 5; ++i) {
    const FrameLog& log = worker.log("c" + std::to_string(i));
    CHECK(log.outcome() == "shutting_down");
    CHECK(log.last().at("data").at("retryable") == true);
  }
  CHECK(eventually([&] { return upstream.open_connections() == 0; }));
}

TEST_CASE("fault 30: a stalled reader does not block the exit after SIGTERM") {
  TestWorker worker({"--drain-ms", "100"});
  REQUIRE(worker.next());
  worker.send(mock_chat("a", Json::array({{{"text", std::string(1000, 'x')}, {"repeat", 2000}}})));
  // The test does not read: the pipe is full, and frames wait.
  REQUIRE(eventually([&] {
    worker.process().send_signal(SIGUSR1);
    const std::string& text = worker.process().stderr_text();
    const std::size_t last = text.rfind("unwrittenBytes=");
    return last != std::string::npos && text[last + 15] != '0';
  }));
  worker.process().send_signal(SIGTERM);
  const pid_t pid = worker.process().pid();
  // Waits without reading; wait_exit() would read.
  siginfo_t info{};
  REQUIRE(eventually([&] {
    return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
  }));
  CHECK(info.si_code == CLD_EXITED);
  CHECK(info.si_status == 74);
}

TEST_CASE("fault 30: a slow reader gets every frame after SIGTERM, however long it takes") {
  TestWorker worker({"--drain-ms", "100"});
  REQUIRE(worker.next());
  worker.send(mock_chat("a", Json::array({{{"text", std::string(1000, 'x')}, {"repeat", 2000}}})));
  worker.wait_for("a", "delta");
  worker.process().send_signal(SIGTERM);
  // Takes longer in total than the 4 s that a stuck reader gets.
  const auto begin = Steady::now();
  while (worker.next()) {
    if (Steady::now() - begin < std::chrono::seconds(6)) std::this_thread::sleep_for(Milliseconds(10));
  }
  const int code = worker.exit_code();
  CHECK((code == 0 || code == 75));
  REQUIRE(worker.log("a").ended);
  CHECK(worker.log("a").outcome() == (code == 0 ? "done" : "shutting_down"));
}

TEST_CASE("fault 31: a second signal ends the worker at once with exit code 128 plus its number") {
  Upstream upstream;
  upstream.answer("hang", {kHanging});
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    CAPTURE(signal);
    TestWorker worker;
    worker.send(upstream.chat("a", "hang"));
    REQUIRE(worker.wait_for("a", "start").at("type") == "start");
    worker.process().send_signal(SIGTERM);
    // Repeats the signal, because two signals that arrive together may be merged into one.
    std::size_t waited = 0;
    while (worker.process().wait_exit(Milliseconds(100)) == std::nullopt && ++waited < 600) {
      worker.process().send_signal(signal);
    }
    CHECK(worker.exit_code() == 128 + signal);
    CHECK(worker.log("a").outcome() == "shutting_down");  // the last frames are still written
    CHECK(eventually([&] { return upstream.open_connections() == 0; }));
  }
}

TEST_CASE("fault 32: floods of SIGPIPE, SIGCHLD and SIGUSR1 disturb nothing; SIGUSR1 logs the counters") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  for (int i = 0; i < 200; ++i) {
    for (const int signal : {SIGPIPE, SIGCHLD, SIGUSR1}) worker.process().send_signal(signal);
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
  const std::string& text = worker.process().stderr_text();
  CHECK(text.find("stats") != std::string::npos);
  CHECK(text.find("accepted=1") != std::string::npos);
}

TEST_CASE("shutdown finishes running chats, rejects new ones, and ends overdue ones with shutting_down") {
  Upstream upstream;
  {
    TestWorker worker;
    Canary canary(worker, upstream);
    CHECK(worker.ask({{"id", "s"}, {"type", "shutdown"}}).at("type") == "ack");
    const Json refused = worker.ask(upstream.chat("late", "canary"));
    CHECK(refused.at("type") == "rejected");
    CHECK(refused.at("data").at("code") == "shutting_down");
    canary.check();
    CHECK(worker.exit_code() == 0);
  }
  TestWorker worker;
  upstream.answer("hang", {kHanging});
  worker.send(upstream.chat("a", "hang"));
  worker.wait_for("a", "start");
  CHECK(worker.ask({{"id", "s"}, {"type", "shutdown"}, {"payload", {{"graceMs", 50}}}}).at("type") == "ack");
  CHECK(worker.end_of("a").outcome() == "shutting_down");
  CHECK(worker.exit_code() == 0);
}

TEST_CASE("--fail turns a failed chat or a rejected line into exit code 1, and nothing else does") {
  Upstream upstream;
  upstream.answer("bad", {tools::json_script(401, "{}")});
  upstream.answer("good", {event_stream(openai_answer({"x"}))});
  struct Case {
    bool flag;
    const char* line;
    int code;
  };
  const Case cases[] = {
      {true, "bad", 1}, {true, "good", 0}, {true, "no json", 1}, {false, "bad", 0}, {false, "no json", 0}};
  for (const Case& row : cases) {
    CAPTURE(row.line);
    CAPTURE(row.flag);
    TestWorker worker(row.flag ? std::vector<std::string>{"--fail"} : std::vector<std::string>{});
    worker.send_text(std::string_view(row.line) == "no json" ? row.line : upstream.chat("a", row.line).dump());
    CHECK(worker.close_and_exit() == row.code);
  }
}

TEST_CASE("--help, --version and --print-schema print to stdout and exit with 0") {
  const Run help = run_program({"--help"});
  CHECK(help.code == 0);
  CHECK(help.err.empty());
  for (const char* word : {"--max-line-bytes", "--dialect", "--fail", "Exit codes", "74"}) {
    CHECK(help.out.find(word) != std::string::npos);
  }
  const Run version = run_program({"--version"});
  CHECK(version.code == 0);
  CHECK(version.out.starts_with("ai-worker "));
  CHECK(std::ranges::count(version.out, '\n') == 1);
  for (const std::string name : {"request", "event", "config", "leanspec-event", "cassette"}) {
    const Run schema = run_program({"--print-schema", name});
    CHECK(schema.code == 0);
    std::ifstream file(std::string(AIW_SOURCE_DIR) + "/schemas/" + name + ".schema.json");
    std::ostringstream text;
    text << file.rdbuf();
    CHECK(Json::parse(schema.out) == Json::parse(text.str()));
  }
}

TEST_CASE("a bad argument gives exit code 64, a message on stderr and no frame") {
  const std::vector<std::vector<std::string>> cases = {
      {"--no-such-flag"},      {"positional"},         {"--dialect", "klingon"}, {"--protocol", "2"},
      {"--max-depth"},         {"--max-depth", "x"},   {"--max-in-flight", "0"}, {"--egress", "none"},
      {"--print-schema", "x"}, {"--log-level", "loud"}};
  for (const auto& args : cases) {
    CAPTURE(args.front());
    const Run run = run_program(args);
    CHECK(run.code == 64);
    CHECK(run.out.empty());
    CHECK_FALSE(run.err.empty());
  }
}

}  // namespace
}  // namespace aiw::e2e
