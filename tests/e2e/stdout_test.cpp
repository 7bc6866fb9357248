// Output: readers that are slow, stop or close (rows 23 to 27 of the table of faults).
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <thread>

#include "tests/e2e/child_process.hpp"
#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

// Returns text with numbered pieces, so that a lost, doubled or moved piece is visible.
std::string numbered_text(std::size_t bytes) {
  std::string text;
  for (int i = 0; text.size() < bytes; ++i) text += std::to_string(i) + " é\n";
  return text;
}

Script long_answer(const std::string& text, std::size_t piece) {
  std::string body;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = std::min(piece, text.size() - at);
    while (at + length < text.size() && (static_cast<unsigned char>(text[at + length]) & 0xC0) == 0x80) ++length;
    body += text_event(std::string_view(text).substr(at, length));
    at += length;
  }
  return event_stream(body + openai_ending());
}

// Returns the worker's memory once it no longer changes.
std::size_t settled_rss(const TestWorker& worker) {
  std::size_t last = 0;
  int same = 0;
  eventually([&] {
    std::this_thread::sleep_for(Milliseconds(50));
    const std::size_t now = worker.rss();
    same = now <= last + 64 * 1024 ? same + 1 : 0;
    last = std::max(last, now);
    return same == 10;
  });
  return last;
}

TEST_CASE("fault 23: while nobody reads, memory stays bounded, upstreams wait, and nothing is lost") {
  Upstream upstream;
  TestWorker worker;
  constexpr int kChats = 8;
  const std::string text = numbered_text((kSanitized ? 4 : 12) * kMiB);
  upstream.answer("p", {long_answer(text, 1000)});
  worker.ask({{"id", "first"}, {"type", "health"}});
  const std::size_t before = worker.rss();
  Canary canary(worker, upstream, 20);
  for (int i = 0; i < kChats; ++i) worker.send(upstream.chat("c" + std::to_string(i), "p"));
  REQUIRE(upstream.wait_for_request("p", kChats));
  const std::size_t grown = settled_rss(worker) - std::min(before, worker.rss());
  MESSAGE("memory grew by " << grown / kMiB << " MiB for " << kChats << " chats of " << text.size() / kMiB << " MiB");
  // Expected for each chat: 1 MiB of frames, its response so far, and buffers. Without a limit it would be all of the
  // text.
  if (!kSanitized) CHECK(grown <= kChats * 4 * kMiB);
  // While deltas wait, other lines are still answered, and a cancel is processed.
  worker.send({{"id", "h"}, {"type", "health"}});
  worker.send(cancel_line("x", "c0"));
  CHECK(worker.end_of("c0").last().at("data").at("finishReason") == "cancelled");
  CHECK(text.starts_with(worker.log("c0").text()));
  for (int i = 1; i < kChats; ++i) {
    const FrameLog& log = worker.end_of("c" + std::to_string(i));
    CHECK(log.outcome() == "done");
    CHECK((log.text() == text));
  }
  CHECK(worker.log("h").count("health_ok") == 1);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 23: with a slow reader, memory holds the response so far, but no second copy of what was read") {
  Upstream upstream;
  TestWorker worker;
  const std::string text = numbered_text((kSanitized ? 4 : 24) * kMiB);
  upstream.answer("p", {long_answer("short", 1000), long_answer(text, 1000)});
  worker.send(upstream.chat("first", "p"));
  worker.end_of("first");  // after this, all libraries are loaded
  const std::size_t before = worker.rss();
  worker.send(upstream.chat("a", "p"));
  std::size_t read = 0, most = 0;
  const auto still_comes = [&] {
    const Json& frame = worker.log("a").last();
    if (frame.at("type") == "delta") read += frame.at("data").at("text").get_ref<const std::string&>().size();
    return read < text.size() - 2 * kMiB;  // stops before the last frame, which repeats the whole response
  };
  for (worker.wait_for("a", "delta"); still_comes(); REQUIRE(worker.next())) {
    std::this_thread::sleep_for(std::chrono::microseconds(500));  // slower than the upstream can send
    const std::size_t now = worker.rss();
    most = std::max(most, now - std::min(now, before + read));
  }
  MESSAGE("memory beyond the text that was read: " << most / kMiB << " MiB at most");
  if (!kSanitized) CHECK(most <= 20 * kMiB);  // escapes, the contents of the pipe and the queue before it, and buffers
  CHECK(worker.end_of("a").text() == text);
}

TEST_CASE("fault 24: a reader that never reads again ends the worker with exit code 74") {
  Upstream upstream;
  TestWorker worker({"--stdout-stall-ms", "300"});
  upstream.answer("p", {long_answer(numbered_text(4 * kMiB), 1000)});
  worker.send(upstream.chat("a", "p"));
  // Waits without reading; wait_exit() would read.
  REQUIRE(eventually([&] { return worker.process().stderr_text().find("stdout stalled") != std::string::npos; }));
  const auto exit = worker.process().wait_exit(kPatience);
  REQUIRE(exit.has_value());
  CHECK(exit->signal == 0);
  CHECK(exit->code == 74);
  CHECK(eventually([&] { return upstream.open_connections() == 0; }));
}

TEST_CASE("fault 25: a closed reader is detected without a write: exit code 0 if idle, 74 if work was lost") {
  Upstream upstream;
  upstream.answer("hang", {{.ending = Ending::kHang, .before_head = true}});
  for (const bool busy : {false, true}) {
    CAPTURE(busy);
    TestWorker worker;
    worker.ask({{"id", "h"}, {"type", "health"}});
    if (busy) {
      worker.send(upstream.chat("a", "hang"));
      worker.wait_for("a", "start");
      REQUIRE(upstream.wait_for_request("hang"));
    }
    worker.process().close_stdout();
    const auto exit = worker.process().wait_exit(kPatience);
    REQUIRE(exit.has_value());
    CHECK(exit->signal == 0);
    CHECK(exit->code == (busy ? 74 : 0));
    CHECK(eventually([&] { return upstream.open_connections() == 0; }));
  }
}

TEST_CASE(
    "fault 25: a reader that closes stdout in the middle of a stream ends the worker with exit code 74, not by "
    "SIGPIPE") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer("p", {long_answer(numbered_text(4 * kMiB), 100)});
  worker.send(upstream.chat("a", "p"));
  worker.wait_for("a", "delta", 3);
  worker.process().close_stdout();
  const auto exit = worker.process().wait_exit(kPatience);
  REQUIRE(exit.has_value());
  CHECK(exit->signal == 0);
  CHECK(exit->code == 74);
  CHECK(eventually([&] { return upstream.open_connections() == 0; }));
}

TEST_CASE("fault 25: frames that the reader did not read before it closed stdout count as lost work") {
  TestWorker worker;
  REQUIRE(worker.next());  // waits for `ready`: before it, SIGUSR1 would still have its default effect
  worker.send(mock_chat("a", Json::array({{{"text", std::string(1000, 'x')}, {"repeat", 500}}})));
  const auto all_but_written = [&] {
    worker.process().send_signal(SIGUSR1);
    const std::string& text = worker.process().stderr_text();
    const std::size_t last = text.rfind("stats");
    return last != std::string::npos && text.find("done=1 ", last) != std::string::npos &&
           text.find("inFlight=0", last) != std::string::npos;
  };
  REQUIRE(eventually(all_but_written));
  worker.process().close_stdout();
  const auto exit = worker.process().wait_exit(kPatience);
  REQUIRE(exit.has_value());
  CHECK(exit->signal == 0);
  CHECK(exit->code == 74);
}

TEST_CASE("fault 26: large frames to a non-blocking stdout are never torn and never interleave") {
  Upstream upstream;
  const std::string text = numbered_text(400'000);
  upstream.answer("p", {long_answer(text, 150'000)});
  for (const bool socket : {false, true}) {
    CAPTURE(socket);
    HandlePair in = pipe_to_child();
    HandlePair out = socket ? socket_pair() : pipe_from_child();
    ::fcntl(out.theirs.get(), F_SETFL, ::fcntl(out.theirs.get(), F_GETFL) | O_NONBLOCK);
    ChildProcess child(in.theirs.get(), out.theirs.get());
    in.theirs.close();
    out.theirs.close();
    for (int i = 0; i < 8; ++i) write_all(in.ours.get(), upstream.chat("c" + std::to_string(i), "p").dump() + "\n");
    in.ours.close();
    std::this_thread::sleep_for(Milliseconds(100));  // lets the pipe fill
    std::map<std::string, std::string> texts;
    std::size_t longest = 0;
    int done = 0;
    for (const Json& frame : parse_lines(read_to(out.ours.get()))) {
      if (frame.at("type") == "delta") texts[frame.at("id")] += frame.at("data").at("text").get<std::string>();
      longest = std::max(longest, frame.dump().size());
      done += frame.at("type") == "done" ? 1 : 0;
    }
    CHECK(done == 8);
    CHECK(longest > 400'000);
    for (const auto& [id, got] : texts) CHECK((got == text));
    CHECK(child.exit_code() == 0);
  }
}

TEST_CASE("fault 27: a stdout that cannot be written ends the worker with exit code 74 and one line on stderr") {
  const std::string to_file = "exec \"$0\" >'" + std::string(AIW_BINARY_DIR) + "/e2e-stdout'";
  // At a file-size limit, SIGXFSZ would end a process that does not handle it.
  for (const std::string& shell :
       {std::string("exec \"$0\" >/dev/full"), std::string("exec \"$0\" >&-"), "ulimit -f 0; " + to_file}) {
    CAPTURE(shell);
    if (kThreadSanitized && shell.starts_with("ulimit")) continue;
    TestWorker worker = TestWorker::under_shell(shell);
    const auto exit = worker.process().wait_exit(kPatience);
    REQUIRE(exit.has_value());
    CHECK(exit->signal == 0);
    CHECK(exit->code == 74);
    CHECK(std::ranges::count(worker.complaints(), '\n') == 1);
  }
}

TEST_CASE("fault 27: --help, --version and --print-schema fail if their output cannot be written") {
  for (const char* flag : {"--help", "--version", "--print-schema event"}) {
    for (const char* sink : {">/dev/full", ">&-"}) {
      CAPTURE(std::string(flag) + sink);
      TestWorker worker = TestWorker::under_shell(std::string("exec \"$0\" ") + flag + sink);
      CHECK(worker.exit_code() == 74);
    }
  }
}

TEST_CASE("faults 27, 90: a log file at its size limit does not end the worker" * doctest::skip(kThreadSanitized)) {
  Upstream upstream;
  TestWorker worker = TestWorker::under_shell("ulimit -f 0; exec \"$0\" --log-level trace 2>'" +
                                              std::string(AIW_BINARY_DIR) + "/e2e-log'");
  Canary canary(worker, upstream, 10);
  worker.send_text("no json");
  REQUIRE(worker.read_until([&] { return worker.without_id().size() == 2; }));
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
