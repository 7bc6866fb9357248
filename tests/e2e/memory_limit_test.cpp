// Providers, tools and MCP servers that send without end, under --max-memory. The process stays within 125 % of the
// limit. The chats that flood it end with the reason, and the other chats end well (rows 100 to 105 of the table of
// faults).
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/e2e/mcp_servers.hpp"
#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

#ifndef AIW_SANITIZED  // a sanitizer's memory would be counted, too

namespace aiw::e2e {
namespace {

constexpr std::size_t kLimit = 256 * kMiB;
constexpr std::size_t kMost = kLimit + kLimit / 4;

std::vector<std::string> limited() { return {"--max-memory", std::to_string(kLimit)}; }

// Loopback server that writes what a test defines, as fast as the client reads. One thread for each connection.
class Flood {
 public:
  // Sends bytes. Returns false if the client has closed the connection.
  using Send = std::function<bool(std::string_view bytes)>;
  using Answer = std::function<void(const std::string& request, const Send& send)>;

  explicit Flood(Answer answer)
      : answer_(std::move(answer)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_, 512) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    acceptor_ = std::thread([this] { accept(); });
  }
  Flood(const Flood&) = delete;
  Flood& operator=(const Flood&) = delete;
  ~Flood() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (const int fd : connections_) ::shutdown(fd, SHUT_RDWR);
    for (auto& thread : threads_) thread.join();
    for (const int fd : connections_) ::close(fd);
    ::close(listener_);
  }

  [[nodiscard]] Json provider() const { return {{"id", "f"}, {"type", "openai-chat"}, {"baseUrl", url_}}; }
  [[nodiscard]] Json chat(const std::string& id, const Json& payload = {}) const {
    return chat_line(id, provider(), payload);
  }
  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] std::size_t sent() const { return sent_; }

 private:
  void accept() {
    for (int fd = -1; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
      connections_.push_back(fd);
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }
  // Reads the requests of one connection. Their bodies must have a Content-Length.
  void serve(int fd) {
    std::string input;
    const Send send = [this, fd](std::string_view bytes) { return write(fd, bytes); };
    while (read_request(fd, input)) {
      answer_(input, send);
      input.clear();
    }
    ::shutdown(fd, SHUT_RDWR);
  }
  static bool read_request(int fd, std::string& input) {
    std::size_t wanted = std::string::npos;
    char piece[16 << 10];
    while (input.size() < wanted) {
      const auto count = ::recv(fd, piece, sizeof piece, 0);
      if (count <= 0) return false;
      input.append(piece, static_cast<std::size_t>(count));
      const auto head = input.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      const auto length = input.find("Content-Length: ");
      wanted = head + 4 + (length < head ? std::stoul(input.substr(length + 16)) : 0);
    }
    return true;
  }
  bool write(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      sent_ += static_cast<std::size_t>(count);
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  const Answer answer_;
  const int listener_;
  std::string url_;
  std::atomic<std::size_t> sent_ = 0;
  std::thread acceptor_;
  std::vector<int> connections_;  // used by the acceptor's thread until that is joined
  std::vector<std::thread> threads_;
};

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

std::string head(std::string_view type, std::size_t length) {
  return "HTTP/1.1 200 OK\r\nContent-Type: " + std::string(type) + "\r\nContent-Length: " + std::to_string(length) +
         "\r\n\r\n";
}

// Sends the same block repeatedly, up to `total` bytes.
void repeat(const Flood::Send& send, const std::string& block, std::size_t total) {
  for (std::size_t sent = 0; sent < total && send(block);) sent += block.size();
}

std::string tool_calls(int count, const std::string& arguments = "{}") {
  Json calls = Json::array();
  for (int i = 0; i < count; ++i) {
    calls.push_back({{"index", i},
                     {"id", "c" + std::to_string(i)},
                     {"type", "function"},
                     {"function", {{"name", "t"}, {"arguments", arguments}}}});
  }
  return chunk_event({{"tool_calls", calls}}) + openai_ending("tool_calls");
}

std::size_t exhausted(const TestWorker& worker, const std::string& prefix, int count) {
  std::size_t ended = 0;
  for (int i = 0; i < count; ++i) ended += worker.log(prefix + std::to_string(i)).outcome() == "resource_exhausted";
  return ended;
}

// Waits until each chat is rejected or has ended.
void end_all(TestWorker& worker, const std::string& prefix, int count) {
  for (int i = 0; i < count; ++i) {
    const std::string id = prefix + std::to_string(i);
    worker.read_until([&] { return worker.log(id).ended || worker.log(id).count("rejected") == 1; });
  }
}

}  // namespace

TEST_CASE("fault 101: when 40 providers send endless events, the largest chats fail and the healthy ones finish") {
  Upstream upstream;
  const Flood flood([](const std::string&, const Flood::Send& send) {
    send(kStreamHead);
    send("data: {\"x\":\"");
    repeat(send, std::string(64 << 10, 'a'), 15 * kMiB);
    while (send("a")) std::this_thread::sleep_for(Milliseconds(100));
  });
  TestWorker worker(limited());
  Canary canary(worker, upstream);
  for (int i = 0; i < 40; ++i)
    worker.send(flood.chat("c" + std::to_string(i), {{"timeouts", {{"progressMs", 8'000}}}}));
  end_all(worker, "c", 40);
  CHECK(worker.peak_rss() < kMost);
  CHECK(exhausted(worker, "c", 40) > 10);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 101: endless text from 12 providers stays within the memory limit while the reader reads") {
  Upstream upstream;
  const std::string event = text_event(std::string(60'000, 't'));
  const Flood flood([&](const std::string&, const Flood::Send& send) {
    send(kStreamHead);
    repeat(send, event, 8 * kMiB);
    send(openai_ending());
  });
  constexpr std::size_t kSmall = 64 * kMiB;  // small, because this test reads and checks all output
  TestWorker worker({"--max-memory", std::to_string(kSmall)});
  Canary canary(worker, upstream);
  for (int i = 0; i < 12; ++i) worker.send(flood.chat("c" + std::to_string(i)));
  end_all(worker, "c", 12);
  CHECK(worker.peak_rss() < kSmall + kSmall / 4);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 100: events that need many times their length in memory end only their own chat") {
  Upstream upstream;
  std::string dense = "data: {\"x\":[0";
  for (std::size_t i = 0; i < 7 * kMiB; ++i) dense += ",0";
  dense += "]}\n\n";
  const Flood flood([&](const std::string&, const Flood::Send& send) {
    send(kStreamHead);
    repeat(send, dense, 4 * dense.size());
    send(event_stream(openai_answer({"ok"})).body);
  });
  TestWorker worker(limited());
  Canary canary(worker, upstream);
  for (int i = 0; i < 6; ++i) worker.send(flood.chat("c" + std::to_string(i), {{"retry", {{"max", 0}}}}));
  end_all(worker, "c", 6);
  CHECK(worker.peak_rss() < kMost);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 100: the tool results of one step share one limit, even if JSON escapes multiply their size") {
  Upstream upstream;
  const std::string result(kMiB - 100, '\x01');
  const Flood tool([&](const std::string&, const Flood::Send& send) {
    send(head("text/plain", result.size()));
    send(result);
  });
  upstream.answer("p", {event_stream(tool_calls(60))});
  TestWorker worker(limited());
  Canary canary(worker, upstream);
  const Json tools = Json::array({{{"name", "t"},
                                   {"executor", "http"},
                                   {"inputSchema", {{"type", "object"}}},
                                   {"http", {{"url", tool.url() + "/x"}}}}});
  worker.send(upstream.chat("c", "p", {{"tools", tools}}));
  const std::string outcome = worker.end_of("c").outcome();
  CAPTURE(outcome);
  CHECK((outcome == "response_too_large" || outcome == "resource_exhausted"));
  CHECK(worker.peak_rss() < kMost);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 100: call arguments, which are stored and sent more than once, stay within the memory limit") {
  Upstream upstream;
  const std::string arguments = Json{{"x", std::string(3 * kMiB, '\n')}}.dump();
  const std::string body = tool_calls(4, arguments);
  const Flood flood([&](const std::string&, const Flood::Send& send) {
    send(head("text/event-stream", body.size()));
    send(body);
  });
  TestWorker worker(limited());
  Canary canary(worker, upstream);
  const Json tools = Json::array({{{"name", "t"}, {"executor", "return"}, {"inputSchema", {{"type", "object"}}}}});
  for (int i = 0; i < 6; ++i) worker.send(flood.chat("c" + std::to_string(i), {{"tools", tools}, {"maxSteps", 1}}));
  end_all(worker, "c", 6);
  CHECK(worker.peak_rss() < kMost);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 100: arguments of 40 MB that arrive in small pieces end the chat with resource_exhausted") {
  Upstream upstream;
  const Flood flood([&](const std::string&, const Flood::Send& send) {
    const auto piece = [](const std::string& arguments) {
      const Json call = {{"index", 0}, {"id", "c"}, {"function", {{"name", "t"}, {"arguments", arguments}}}};
      return chunk_event({{"tool_calls", Json::array({call})}});
    };
    const std::string begin = piece(R"({"x":")"), middle = piece(std::string(8'000, 'x'));
    const std::string end = piece(R"("})") + openai_ending("tool_calls");
    constexpr std::size_t kPieces = 5'000;
    send(head("text/event-stream", begin.size() + kPieces * middle.size() + end.size()));
    send(begin);
    repeat(send, middle, kPieces * middle.size());
    send(end);
  });
  TestWorker worker(limited());
  Canary canary(worker, upstream);
  const Json tools = Json::array({{{"name", "t"}, {"executor", "return"}, {"inputSchema", {{"type", "object"}}}}});
  worker.send(flood.chat("c", {{"tools", tools}}));
  CHECK(worker.end_of("c").outcome() == "resource_exhausted");
  CHECK(worker.peak_rss() < kMost / 2);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 102: endless trailers and informational responses are bad_response at a size limit") {
  Upstream upstream;
  const std::string line = "x: " + std::string(3'000, 'a') + "\r\n";
  const std::string unary = openai_unary("ok");
  const Flood trailers([&](const std::string&, const Flood::Send& send) {
    send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
         tools::http_chunk(unary) + "0\r\n");
    repeat(send, line, 100 * kMiB);
  });
  const Flood informational([&](const std::string&, const Flood::Send& send) {
    repeat(send, "HTTP/1.1 103 Early Hints\r\n" + line + "\r\n", 100 * kMiB);
  });
  TestWorker worker(limited());
  worker.send(trailers.chat("t", {{"retry", {{"max", 0}}}, {"stream", {{"upstream", false}}}}));
  CHECK(worker.end_of("t").outcome() == "bad_response");
  worker.send(informational.chat("i", {{"retry", {{"max", 0}}}}));
  CHECK(worker.end_of("i").outcome() == "bad_response");
  CHECK(worker.peak_rss() < 64 * kMiB);
  CHECK(trailers.sent() < 16 * kMiB);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 103: responses of an MCP server to messages that need no response are not stored") {
  Upstream upstream;
  const std::string long_body(4 * kMiB, ' ');
  const auto answer = [&](const Json& message, const Json& result, const Flood::Send& send) {
    const std::string body = Json{{"jsonrpc", "2.0"}, {"id", message.at("id")}, {"result", result}}.dump();
    send(head("application/json", body.size()));
    send(body);
  };
  const Flood server([&](const std::string& request, const Flood::Send& send) {
    if (request.starts_with("GET")) {
      send(kStreamHead);
      const std::string ping = "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n\n";
      for (int i = 0; i < 200 && send(ping); ++i) std::this_thread::sleep_for(Milliseconds(1));
      while (send(":\n")) std::this_thread::sleep_for(Milliseconds(100));
      return;
    }
    const Json message = Json::parse(request.substr(request.find("\r\n\r\n") + 4), nullptr, false);
    const std::string method = message.is_object() ? message.value("method", "") : "";
    if (method == "initialize") {
      answer(message,
             {{"protocolVersion", "2025-11-25"},
              {"capabilities", {{"tools", {{"listChanged", true}}}}},
              {"serverInfo", {{"name", "s"}, {"version", "1"}}}},
             send);
    } else if (method == "tools/list") {
      answer(message, {{"tools", Json::array({Json{{"name", "go"}, {"inputSchema", {{"type", "object"}}}}})}}, send);
    } else if (method == "tools/call") {
      answer(message, {{"content", Json::array({Json{{"type", "text"}, {"text", "went"}}})}}, send);
    } else if (method.empty()) {
      send(head("application/json", long_body.size() + 1));  // a reply to the worker's response that never completes
      send(long_body);
    } else {
      send("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
    }
  });
  TestWorker worker(limited());
  Canary canary(worker, upstream);
  worker.send(mcp_chat("c", {{"s", {{"url", server.url() + "/mcp"}}}}, {{"s__go"}}));
  CHECK(worker.end_of("c").outcome() == "done");
  canary.check();
  CHECK(worker.peak_rss() < 64 * kMiB);
  CHECK(eventually([&] { return worker.sockets() < 40; }));
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 103: MCP servers that write endless lines are stopped, and other chats continue") {
  Upstream upstream;
  TestWorker worker(limited());
  Canary canary(worker, upstream);
  const Json bomb = shell_server("head -c 63000000 /dev/zero | tr '\\0' a; sleep 60");
  for (int i = 0; i < 5; ++i) {
    Json server = bomb;
    server["env"] = {{"NUMBER", std::to_string(i)}};  // distinct, so that each chat gets its own server
    worker.send(mcp_chat("c" + std::to_string(i), {{"s", server}}, {{"s__go"}}));
  }
  end_all(worker, "c", 5);
  CHECK(worker.peak_rss() < kMost);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 104: a model list has one size limit over all its pages") {
  Upstream upstream;
  std::atomic<int> pages = 0;
  std::string models;
  for (int i = 0; i < 40'000; ++i)
    models += (i == 0 ? "" : ",") + std::string(R"({"id":"m)") + std::to_string(i) + R"("})";
  const Flood flood([&](const std::string&, const Flood::Send& send) {
    const std::string number = std::to_string(++pages);
    const std::string body = R"({"data":[)" + models + R"(],"has_more":true,"last_id":"p)" + number + "\"}";
    send(head("application/json", body.size()));
    send(body);
  });
  TestWorker worker(limited());
  Canary canary(worker, upstream);
  Json provider = flood.provider();
  provider["type"] = "anthropic-messages";
  for (int i = 0; i < 8; ++i) {
    worker.send({{"id", "m" + std::to_string(i)},
                 {"type", "models"},
                 {"payload", {{"config", {{"providers", Json::array({provider})}}}, {"providerId", "f"}}}});
  }
  for (int i = 0; i < 8; ++i) {
    const Json rejected = worker.wait_for("m" + std::to_string(i), "rejected");
    CHECK(rejected.at("data").at("code") == "response_too_large");
  }
  CHECK(worker.peak_rss() < kMost);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 105: heartbeats are not queued for a stalled reader") {
  const Flood silent([](const std::string&, const Flood::Send& send) {
    send(kStreamHead);
    while (send(":\n")) std::this_thread::sleep_for(Milliseconds(200));
  });
  TestWorker worker(limited());
  for (int i = 0; i < 100; ++i) worker.send(silent.chat("c" + std::to_string(i), {{"heartbeatMs", 1}}));
  // First the pipe and the queue before it fill up. After that memory must not grow.
  std::this_thread::sleep_for(Milliseconds(2'000));
  const std::size_t before = worker.rss();
  std::this_thread::sleep_for(Milliseconds(3'000));
  CHECK(worker.rss() < before + 4 * kMiB);
  for (int i = 0; i < 100; ++i) worker.send(cancel_line("x" + std::to_string(i), "c" + std::to_string(i)));
  end_all(worker, "c", 100);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 105: an endless call id is shortened, not repeated in each frame") {
  const std::string id(kMiB, 'i');
  std::string body =
      chunk_event({{"tool_calls", Json::array({{{"index", 0},
                                                {"id", id},
                                                {"type", "function"},
                                                {"function", {{"name", "t"}, {"arguments", "{\"a\":\""}}}}})}});
  for (int i = 0; i < 500; ++i) {
    body += chunk_event({{"tool_calls", Json::array({{{"index", 0}, {"function", {{"arguments", "x"}}}}})}});
  }
  body += chunk_event({{"tool_calls", Json::array({{{"index", 0}, {"function", {{"arguments", "\"}"}}}}})}});
  Upstream upstream;
  upstream.answer("p", {event_stream(body + openai_ending("tool_calls"))});
  TestWorker worker(limited());
  worker.send(upstream.chat(
      "c", "p",
      {{"tools", Json::array({{{"name", "t"}, {"executor", "return"}, {"inputSchema", {{"type", "object"}}}}})},
       {"maxSteps", 1}}));
  const auto& log = worker.end_of("c");
  CHECK(log.outcome() == "done");
  const std::string told = log.all("tool_call").at(0).at("data").at("toolCallId");
  CHECK(told.size() < 600);
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace aiw::e2e

#endif
