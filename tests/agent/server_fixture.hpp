// A server with parent, providers, clock and loop played by a test.
#pragma once

#include <deque>
#include <string>

#include "tests/agent/chat_run_fixture.hpp"
#include "worker/agent/server.hpp"

namespace aiw {

struct ServerFixture {
  explicit ServerFixture(const ServerOptions& options = {.version = "1.2.3"}, Dialect dialect = Dialect::v1,
                         const std::vector<ToolSource*>& sources = {})
      : encoder(make_encoder(dialect)) {
    make_server(options, sources);
  }

  void make_server(const ServerOptions& options, const std::vector<ToolSource*>& sources = {},
                   ParentSessions* sessions = nullptr) {
    server = std::make_unique<Server>(
        options, ServerServices{.clock = clock,
                                .http = http,
                                .memory = memory,
                                .output = output,
                                .encoder = *encoder,
                                .keys = keys,
                                .random = [] { return 0.0; },
                                .post = [this](std::function<void()> action) { posted.push_back(std::move(action)); },
                                .tool_sources = sources,
                                .parent_sessions = sessions,
                                .memory_short = [this] { return memory_short; },
                                .on_unanswered = [this](const Error& error) { unanswered += error.code + " "; }});
    server->on_idle([this] { ++idle; });
  }

  // What the loop does after each event.
  void settle() {
    while (!posted.empty()) {
      const auto action = std::move(posted.front());
      posted.pop_front();
      action();
    }
  }
  void advance(int ms) {
    clock.advance(std::chrono::milliseconds(ms));
    settle();
  }
  // One line from the parent.
  void line(const Json& line) {
    server->handle(decode_line({line.dump()}));
    settle();
  }
  void line(std::string_view type, std::string_view id, const std::string& payload = "{}") {
    line(Json{{"id", id}, {"type", type}, {"payload", Json::parse(payload)}});
  }
  void chat(std::string_view id, const std::string& payload = "{}") { line(chat_line(Json::parse(payload), id)); }
  void cancel(std::string_view chat, std::string_view id = "x") {
    line("cancel", id, R"({"chatId":")" + std::string(chat) + "\"}");
  }
  void answer(std::size_t request, const std::string& body = sse::answer("ok")) {
    FakeExchange& exchange = http.at(request);
    exchange.stream();
    exchange.body(body);
    exchange.end();
    settle();
  }
  [[nodiscard]] std::string types(std::string_view id) const { return output.types(id); }
  [[nodiscard]] Json last() const { return output.last(); }

  MemoryAccounts memory{{}};
  FakeClock clock;
  FakeHttp http;
  FakeOutput output;
  KeyPolicy keys;
  std::unique_ptr<FrameEncoder> encoder;
  std::deque<std::function<void()>> posted;
  bool memory_short = false;
  std::string unanswered;
  int idle = 0;
  std::unique_ptr<Server> server;
};

}  // namespace aiw
