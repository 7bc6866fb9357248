// End of input, all kinds of input, and cancelling (rows 17 and 19 to 22 of the table of faults).
#include <doctest/doctest.h>
#include <fcntl.h>
#include <pty.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "tests/e2e/child_process.hpp"
#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

constexpr const char* kHealth = "{\"id\":\"h\",\"type\":\"health\"}\n";

Json tool(const std::string& name) { return {{"name", name}, {"inputSchema", {{"type", "object"}}}}; }

TEST_CASE("fault 17: each chat of a flood runs, waits or is rejected, and each accepted chat ends exactly once") {
  Upstream upstream;
  const std::size_t flood = kSanitized ? 20'000 : 100'000;
  const std::size_t queue = kSanitized ? 2'000 : 10'000;
  TestWorker worker({"--max-queued", std::to_string(queue), "--max-in-flight", "500", "--drain-ms", "0"});
  Canary canary(worker, upstream, 100);
  worker.reset_peak_rss();
  std::string lines;
  for (std::size_t i = 0; i < flood; ++i) {
    lines += mock_chat("f" + std::to_string(i), Json::array({{{"delayMs", 3'600'000}}})).dump() + "\n";
  }
  const auto begin = Steady::now();
  REQUIRE(worker.process().write(lines, kPatience));
  const Json health = worker.ask({{"id", "h"}, {"type", "health"}});
  const auto took = std::chrono::duration_cast<Milliseconds>(Steady::now() - begin).count();
  MESSAGE(flood << " lines in " << took << " ms; peak memory " << worker.peak_rss() / kMiB << " MiB");
  if (!kSanitized) CHECK(worker.peak_rss() <= 256 * kMiB);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < flood; ++i) {
    const auto rejected = worker.log("f" + std::to_string(i)).all("rejected");
    if (rejected.empty()) continue;
    ++refused;
    const Json& data = rejected.front().at("data");
    if (data.at("code") != "overloaded" || data.at("retryable") != true || !data.contains("retryAfterMs")) {
      FAIL("refused otherwise: " << data.dump());
    }
  }
  // The canary uses one of the places, and may already have released it.
  CHECK(health.at("data").at("queued") >= queue - 1);
  CHECK(health.at("data").at("queued") <= queue);
  const std::size_t running = health.at("data").at("inFlight");
  CHECK(running >= 499);
  CHECK(running <= 500);
  CHECK(refused + queue + 499 <= flood);
  CHECK(refused + queue + 500 >= flood);
  canary.check();
  worker.process().send_signal(SIGTERM);
  CHECK(worker.exit_code() == 75);
  CHECK(worker.done_count() == 1);
  CHECK(worker.error_count() == flood - refused);
}

TEST_CASE("fault 19: when stdin closes, fifty running chats finish, and the exit code is 0") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer(
      "p", {paced({text_event("one "), text_event("two "), text_event("three"), openai_ending()}, Milliseconds(30))});
  Canary canary(worker, upstream);
  for (int i = 0; i < 50; ++i) worker.send(upstream.chat("c" + std::to_string(i), "p"));
  worker.process().close_stdin();
  for (int i = 0; i < 50; ++i) CHECK(worker.end_of("c" + std::to_string(i)).text() == "one two three");
  canary.check();
  CHECK(worker.exit_code() == 0);
  CHECK(worker.done_count() == 51);
}

TEST_CASE("fault 20: when stdin closes, a chat that waits for a tool result ends with input_closed") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer("p", {event_stream(openai_tool_call("call_1", "look", "{}"))});
  upstream.answer("slow", {paced({openai_tool_call("call_2", "look", "{}")}, Milliseconds(200))});
  Canary canary(worker, upstream);
  const Json tools = {{"tools", Json::array({tool("look")})}};
  worker.send(upstream.chat("waits", "p", tools));
  worker.wait_for("waits", "tool_call");
  worker.send(upstream.chat("will wait", "slow", tools));
  REQUIRE(upstream.wait_for_request("slow"));
  worker.process().close_stdin();
  for (const char* id : {"waits", "will wait"}) {
    const FrameLog& log = worker.end_of(id);
    CHECK(log.outcome() == "input_closed");
    CHECK(log.last().at("data").at("category") == "cancelled");
    CHECK(log.last().at("data").at("partial") == true);
  }
  CHECK(worker.log("waits").count("tool_cancel") == 1);
  canary.check();
  CHECK(worker.exit_code() == 0);
}

// Ends a worker while lines arrive, and checks that it answered every line that it read. Returns true if some lines
// were left unread.
bool leaves_lines_unread(const std::string& lines, const std::function<void(pid_t worker)>& end) {
  HandlePair in = pipe_to_child();
  HandlePair out = pipe_from_child();
  REQUIRE(::fcntl(in.ours.get(), F_SETPIPE_SZ, 1 << 20) >= static_cast<int>(lines.size()));
  write_all(in.ours.get(), lines);
  ChildProcess child(in.theirs.get(), out.theirs.get());
  out.theirs.close();
  std::string answers = read_to(out.ours.get(), "health_ok");
  end(child.pid());
  answers += read_to(out.ours.get());
  CHECK(child.exit_code() == 0);
  in.ours.close();
  const std::string unread = read_to(in.theirs.get());
  const auto read_lines = std::count(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(unread.size()), '\n');
  const auto frames = std::count(answers.begin(), answers.end(), '\n');
  REQUIRE(frames == 1 + read_lines);  // `ready` is the first frame
  return !unread.empty();
}

std::string health_lines() {
  std::string lines;
  for (int i = 0; lines.size() < (kSanitized ? 200'000 : 1'000'000); ++i) {
    lines += R"({"id":"h)" + std::to_string(i) + R"(","type":"health"})" + "\n";
  }
  return lines;
}

TEST_CASE("fault 30: every line that was read before SIGTERM gets a response, and no later line is accepted") {
  const std::string lines = health_lines();
  std::size_t cut_short = 0;
  for (int round = 0; round < 10; ++round) {
    CAPTURE(round);
    cut_short += leaves_lines_unread(lines, [](pid_t worker) { ::kill(worker, SIGTERM); }) ? 1 : 0;
  }
  MESSAGE(cut_short << " of 10 rounds left lines unread");
}

TEST_CASE("every line that was read together with a shutdown gets a response") {
  const std::string lines = "{\"id\":\"s\",\"type\":\"shutdown\"}\n" + health_lines();
  for (int round = 0; round < 5; ++round) {
    CAPTURE(round);
    leaves_lines_unread(lines, [](pid_t) {});
  }
}

TEST_CASE("fault 21: stdin may be a file, the null device or closed") {
  const std::string path = std::string(AIW_BINARY_DIR) + "/e2e-stdin.jsonl";
  Upstream upstream;
  upstream.answer("p", {event_stream(openai_answer({"from ", "a file"}))});
  std::ofstream(path) << upstream.chat("a", "p").dump() << '\n' << kHealth << upstream.chat("b", "p").dump();
  TestWorker from_file = TestWorker::under_shell("exec \"$0\" <'" + path + "'");
  CHECK(from_file.exit_code() == 0);
  CHECK(from_file.log("a").text() == "from a file");
  CHECK(from_file.log("b").text() == "from a file");
  CHECK(from_file.log("h").count("health_ok") == 1);
  for (const char* shell : {"exec \"$0\" </dev/null", "exec \"$0\" <&-"}) {
    CAPTURE(shell);
    TestWorker from_nothing = TestWorker::under_shell(shell);
    CHECK(from_nothing.exit_code() == 0);
    REQUIRE(from_nothing.without_id().size() == 1);
    CHECK(from_nothing.without_id()[0].at("type") == "ready");
  }
}

TEST_CASE("fault 21: a stdin that cannot be read ends the worker with exit code 66") {
  const std::string path = std::string(AIW_BINARY_DIR) + "/e2e-stdin-to-write";
  for (const std::string& shell : {std::string("exec \"$0\" </"), "exec \"$0\" 0>'" + path + "'"}) {
    CAPTURE(shell);
    TestWorker worker = TestWorker::under_shell(shell);
    CHECK(worker.exit_code() == 66);
    REQUIRE(worker.without_id().size() == 1);
    CHECK(worker.without_id()[0].at("type") == "ready");
  }
}

TEST_CASE("fault 21: stdin and stdout may be non-blocking, or one socket, as Node creates for its children") {
  HandlePair both = socket_pair();
  ChildProcess on_socket(both.theirs.get(), both.theirs.get());
  both.theirs.close();
  write_all(both.ours.get(), kHealth);
  std::string text = read_to(both.ours.get(), "health_ok");
  ::shutdown(both.ours.get(), SHUT_WR);
  CHECK(parse_lines(text + read_to(both.ours.get())).size() == 2);
  CHECK(on_socket.exit_code() == 0);

  HandlePair in = pipe_to_child();
  HandlePair out = pipe_from_child();
  for (int fd : {in.theirs.get(), out.theirs.get()}) ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  ChildProcess non_blocking(in.theirs.get(), out.theirs.get());
  // The flag belongs to the open file description, so a change by the child would be visible here.
  text = read_to(out.ours.get(), "ready");
  CHECK((::fcntl(in.theirs.get(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(out.theirs.get(), F_GETFL) & O_NONBLOCK) != 0);
  in.theirs.close();
  out.theirs.close();
  write_all(in.ours.get(), kHealth);
  text += read_to(out.ours.get(), "health_ok");
  in.ours.close();
  CHECK(parse_lines(text + read_to(out.ours.get())).size() == 2);
  CHECK(non_blocking.exit_code() == 0);
}

TEST_CASE("fault 21: stdin may be a terminal, and its flags and modes do not change") {
  int master = -1;
  int slave = -1;
  REQUIRE(::openpty(&master, &slave, nullptr, nullptr, nullptr) == 0);
  Handle ours(master);
  Handle theirs(slave);
  for (int fd : {master, slave}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  termios before{};
  termios after{};
  REQUIRE(::tcgetattr(slave, &before) == 0);
  const int flags = ::fcntl(slave, F_GETFL);
  HandlePair out = pipe_from_child();
  ChildProcess on_terminal(slave, out.theirs.get());
  out.theirs.close();
  write_all(master, kHealth);
  std::string text = read_to(out.ours.get(), "health_ok");
  CHECK(::fcntl(slave, F_GETFL) == flags);
  write_all(master, "\x04");  // Ctrl-D, the end of input on a terminal
  CHECK(parse_lines(text + read_to(out.ours.get())).size() == 2);
  CHECK(on_terminal.exit_code() == 0);
  REQUIRE(::tcgetattr(slave, &after) == 0);
  CHECK(::fcntl(slave, F_GETFL) == flags);
  CHECK(after.c_lflag == before.c_lflag);
  CHECK(after.c_iflag == before.c_iflag);
  CHECK(after.c_oflag == before.c_oflag);
}

// Cancels the chat. Checks that it is acknowledged once and ends as cancelled.
void check_cancel(TestWorker& worker, const std::string& id) {
  const Json ack = worker.ask(cancel_line("cancel " + id, id));
  CHECK(ack.at("type") == "ack");
  CHECK_FALSE(ack.at("data").value("late", false));
  const FrameLog& log = worker.end_of(id);
  CHECK(log.outcome() == "done");
  CHECK(log.last().at("data").at("finishReason") == "cancelled");
  const Json again = worker.ask(cancel_line("again " + id, id));
  CHECK(again.at("type") == "ack");
  CHECK(again.at("data").at("late") == true);
}

TEST_CASE("fault 22: cancel of an unknown chat is rejected, cancel of a finished chat gets an ack with late") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer("p", {event_stream(openai_answer({"x"}))});
  Canary canary(worker, upstream);
  CHECK(worker.ask(cancel_line("c1", "nobody")).at("data").at("code") == "unknown_id");
  worker.send(upstream.chat("a", "p"));
  worker.end_of("a");
  CHECK(worker.ask(cancel_line("c2", "a")).at("data").at("late") == true);
  CHECK(worker.log("a").outcome() == "done");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 22: cancel closes the socket while the worker connects or waits for the first byte") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 60);
  const DeafListener blackhole(true);
  const DeafListener deaf(false);
  for (const DeafListener* listener : {&blackhole, &deaf}) {
    const std::size_t before = worker.sockets();
    const std::string id = listener == &deaf ? "deaf" : "blackhole";
    worker.send(chat_line(id, {{"id", "p"}, {"baseUrl", listener->url()}}));
    worker.wait_for(id, "start");
    CHECK(eventually([&] { return worker.sockets() == before + 1; }));
    check_cancel(worker, id);
    CHECK(eventually([&] { return worker.sockets() == before; }));
  }
  upstream.answer("hang", {{.ending = Ending::kHang, .before_head = true}});
  worker.send(upstream.chat("first byte", "hang"));
  REQUIRE(upstream.wait_for_request("hang"));
  check_cancel(worker, "first byte");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

std::size_t threads(pid_t pid) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    ++count;
  }
  return count;
}

TEST_CASE(
    "faults 22, 35: cancel, the connect timeout and the exit do not wait for a name server that does not respond") {
  if (kSanitized) return;  // the sanitizer's runtime must be the first library
  Upstream upstream;
  TestWorker worker({}, {"LD_PRELOAD=" AIW_FAKE_RESOLVER, "FAKE_RESOLVER_HANG_MS=600000"});
  Canary canary(worker, upstream, 60);
  worker.wait_for("canary", "delta");
  for (const char* id : {"first", "second"}) {
    CAPTURE(id);
    const std::size_t before = threads(worker.process().pid());
    worker.send(chat_line(id, {{"id", "p"}, {"baseUrl", "https://" + std::string(id) + ".hang.test"}}));
    CHECK(eventually([&] { return threads(worker.process().pid()) > before; }));
    check_cancel(worker, id);
  }
  // Without a cancel, the connect timeout does not wait for the name server either.
  worker.send(chat_line("limited", {{"id", "p"}, {"baseUrl", "https://third.hang.test"}},
                        {{"timeouts", {{"connectMs", 100}}}, {"retry", {{"max", 0}}}}));
  CHECK(worker.end_of("limited").outcome() == "timeout_connect");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 22: cancel in the middle of a stream keeps the output so far and closes the upstream's connection") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer("p", {broken_stream(text_event("so far"), Ending::kHang)});
  worker.send(upstream.chat("a", "p"));
  worker.wait_for("a", "delta");
  CHECK(upstream.open_connections() == 1);
  check_cancel(worker, "a");
  CHECK(eventually([&] { return upstream.open_connections() == 0; }));
  const Json messages = worker.log("a").last().at("data").at("messages");
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].at("content")[0].at("text") == "so far");
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 22: cancel works during a retry delay, in the queue and during a tool call") {
  Upstream upstream;
  TestWorker worker({"--max-in-flight", "2"});
  Canary canary(worker, upstream, 60);
  Script busy = tools::json_script(503, "{}");
  busy.headers.emplace_back("retry-after", "60");
  upstream.answer("busy", {busy});
  upstream.answer("tools", {event_stream(openai_tool_call("call_1", "look", "{}"))});
  worker.send(upstream.chat("backs off", "busy"));
  worker.wait_for("backs off", "retry");
  worker.send(upstream.chat("queued", "tools"));
  check_cancel(worker, "queued");
  check_cancel(worker, "backs off");
  CHECK(upstream.count("busy") == 1);
  CHECK(upstream.count("tools") == 0);
  worker.send(upstream.chat("waits", "tools", {{"tools", Json::array({tool("look")})}}));
  worker.wait_for("waits", "tool_call");
  check_cancel(worker, "waits");
  CHECK(worker.log("waits").count("tool_cancel") == 1);
  const Json late = worker.ask(tool_result_line("late", "waits", "call_1", {{"type", "text"}, {"value", "x"}}));
  CHECK(late.at("data").at("code") == "unknown_id");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
