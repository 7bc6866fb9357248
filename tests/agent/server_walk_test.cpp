// A random walk: whatever parent, providers, reader and time do, each accepted chat ends exactly once.
#include <doctest/doctest.h>

#include <array>
#include <map>
#include <random>
#include <set>

#include "tests/agent/server_fixture.hpp"
#include "worker/executors/tool_output.hpp"

using namespace aiw;
using std::chrono::milliseconds;

namespace {

// Tools whose source and runs answer when the walk says so, or never.
class WalkTools : public ToolSource {
 public:
  std::unique_ptr<Opening> open(const ChatRequest& chat, std::function<void(Result)> on_ready) override {
    if (chat.max_steps == 1) return nullptr;
    auto opening = std::make_unique<Held<Opening>>(alive_);
    openings_.push_back({std::weak_ptr<int>(opening->token), std::move(on_ready)});
    return opening;
  }
  void answer_opening(std::size_t at, bool fail) {
    if (openings_.empty()) return;
    const auto [token, on_ready] = openings_[at % openings_.size()];
    openings_.erase(openings_.begin() + static_cast<std::ptrdiff_t>(at % openings_.size()));
    if (token.expired()) return;
    if (fail) return on_ready(std::unexpected(Error{.code = "mcp_unavailable", .category = Category::tool}));
    OfferedTools offered;
    for (const Approval approval : {Approval::always, Approval::parent, Approval::never}) {
      offered.tools.push_back({.name = "own" + std::to_string(static_cast<int>(approval)),
                               .input_schema = "{}",
                               .executor = "mcp",
                               .approval = approval,
                               .runner = std::make_shared<Runner>(*this)});
    }
    on_ready(std::move(offered));
  }
  void answer_run(std::size_t at) {
    if (runs_.empty()) return;
    const auto [token, on_output] = runs_[at % runs_.size()];
    runs_.erase(runs_.begin() + static_cast<std::ptrdiff_t>(at % runs_.size()));
    if (!token.expired()) on_output(text_output("x"));
  }
  [[nodiscard]] int alive() const { return alive_; }

 private:
  template <typename Base>
  struct Held : Base {
    explicit Held(int& count) : alive(count) { ++alive; }
    ~Held() override { --alive; }
    int& alive;
    std::shared_ptr<int> token = std::make_shared<int>();
  };
  struct Runner : ToolRunner {
    explicit Runner(WalkTools& of) : tools(of) {}
    std::unique_ptr<ToolRun> run(const ToolInvocation&, ToolOutputHandler on_output) override {
      auto run = std::make_unique<Held<ToolRun>>(tools.alive_);
      tools.runs_.emplace_back(std::weak_ptr<int>(run->token), std::move(on_output));
      return run;
    }
    WalkTools& tools;
  };

  int alive_ = 0;
  std::vector<std::pair<std::weak_ptr<int>, std::function<void(Result)>>> openings_;
  std::vector<std::pair<std::weak_ptr<int>, ToolOutputHandler>> runs_;
};

// Plays parent, providers, reader and time at random, and keeps count of what must hold.
class Walk {
 public:
  explicit Walk(unsigned seed)
      : random_(seed),
        f_({.admission = {.max_in_flight = 4, .max_queued = 3}, .max_parallel_tools = 2}, Dialect::v1, {&tools_}) {}

  void run() {
    for (int i = 0; i < 400; ++i) step();
    f_.output.is_congested = false;
    f_.server->output_relieved();
    f_.settle();
    close();
    check();
  }
  // How often each type of frame, and each executor, was seen.
  [[nodiscard]] const std::map<std::string, int>& seen() const { return seen_; }

 private:
  int pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  std::string id() { return "c" + std::to_string(pick(12)); }

  void step() {
    switch (pick(14)) {
      case 0:
      case 1: return chat();
      case 2: return f_.cancel(id());
      case 3: return f_.line("tool_result", "r", Json{{"chatId", id()}, {"toolCallId", "t"}, {"output", "o"}}.dump());
      case 4: return f_.advance(pick(2) == 0 ? pick(50) : pick(2'000));
      case 5: return congest();
      case 6:
        return f_.line(
            "tool_approval", "a",
            Json{{"chatId", id()}, {"toolCallId", pick(2) == 0 ? "t" : "u"}, {"approved", pick(2) == 0}}.dump());
      case 7:
      case 8: tools_.answer_opening(static_cast<std::size_t>(pick(100)), pick(6) == 0); return f_.settle();
      case 9: tools_.answer_run(static_cast<std::size_t>(pick(100))); return f_.settle();
      default: return upstream();
    }
  }

  void chat() {
    Json payload = {
        {"tools",
         {{{"name", "add"}}, {{"name", "back"}, {"executor", "return"}}, {{"name", "ask"}, {"approval", "parent"}}}},
        {"maxSteps", 1 + pick(3)},
        {"retry", {{"max", pick(3)}, {"restart", pick(4) == 0}}},
        {"stream", {{"deltaIntervalMs", pick(2) * 20}}},
        {"heartbeatMs", pick(5) == 0 ? 500 : 0},
        {"dryRun", pick(20) == 0},
        {"timeouts",
         {{"firstByteMs", 1'000}, {"idleMs", 700}, {"progressMs", 900}, {"toolMs", 1'500}, {"totalMs", 6'000}}}};
    if (pick(4) == 0) payload["fallbacks"] = std::vector<std::string>{"p/m", "p/m"};
    if (pick(4) == 0) payload["fallbacks"] = Json::parse(R"([{"model": "p/m", "codes": ["overloaded"]}, "p/m"])");
    if (pick(2) == 0) payload["accept"] = std::vector<std::string>{"earlyToolCalls"};
    if (pick(4) == 0) payload["hedge"] = {{"afterMs", pick(300)}};
    if (payload["fallbacks"].is_null() && pick(4) == 0) {
      payload["config"] = Json::parse(R"({"providers": [{"id": "mock"}]})");
      payload["modelId"] = pick(8) == 0 ? "none" : "echo";
    } else if (payload["fallbacks"].is_null() && pick(3) == 0) {
      payload["config"] = Json::parse(R"({"providers": [{"id": "o", "type": "ollama-chat",
          "baseUrl": "http://localhost:11434", "models": [{"id": "l"}]}]})");
    }
    f_.line(chat_line(std::move(payload), id()));
  }

  void congest() {
    f_.output.is_congested = !f_.output.is_congested;
    if (!f_.output.is_congested) f_.server->output_relieved();
    f_.settle();
  }

  // Something happens on one of the latest exchanges.
  void upstream() {
    if (f_.http.count() == 0) return;
    const std::size_t recent = std::min<std::size_t>(f_.http.count(), 6);
    const std::size_t index = f_.http.count() - 1 - static_cast<std::size_t>(pick(static_cast<int>(recent)));
    FakeExchange& exchange = f_.http.at(index);
    if (!began_.insert(index).second) {
      speak(exchange);
    } else if (pick(8) == 0) {
      exchange.fail(network_error("connect_error"));
    } else if (pick(8) == 0) {
      exchange.head(pick(2) == 0 ? 503 : 302, {});
    } else {
      exchange.stream();
    }
    f_.settle();
  }

  // Its calls are complete at once, in the middle of the answer.
  void speak_ollama(FakeExchange& exchange) {
    const auto line = [](const Json& message, bool done = false) {
      return Json{{"model", "l"}, {"message", message}, {"done", done}, {"done_reason", done ? "stop" : ""}}.dump() +
             "\n";
    };
    const Json nothing = {{"role", "assistant"}, {"content", ""}};
    switch (pick(8)) {
      case 0: return exchange.body(line(nothing, true));
      case 1: return exchange.body("{\"error\":\"no\"}\n");
      case 2: return pick(2) == 0 ? exchange.fail(network_error("upstream_reset")) : exchange.end();
      case 3: return exchange.body(line({{"role", "assistant"}, {"content", "words "}}));
      default: {
        constexpr std::array kTools = {"add", "back", "ask", "gone", "own0"};
        Json calls = Json::array();
        for (int i = pick(2); i >= 0; --i) {
          calls.push_back(
              {{"id", i == 0 ? "t" : "u"},
               {"function", {{"name", kTools.at(static_cast<std::size_t>(pick(5)))}, {"arguments", Json::object()}}}});
        }
        return exchange.body(line({{"role", "assistant"}, {"content", ""}, {"tool_calls", calls}}));
      }
    }
  }

  void speak(FakeExchange& exchange) {
    if (exchange.request().url.contains(":11434/")) return speak_ollama(exchange);
    switch (pick(10)) {
      case 0: return exchange.body(sse::finish("stop") + sse::usage(1, 1) + sse::done());
      case 1: return exchange.body(sse::call(0, "t", "add", "{}") + sse::finish("tool_calls") + sse::done());
      case 2:
        return exchange.body(sse::call(0, "t", pick(2) == 0 ? "back" : "gone", "{") + sse::finish("tool_calls") +
                             sse::done());
      case 7: {
        std::string calls = sse::call(0, "t", "own" + std::to_string(pick(3)), "{}");
        for (int i = 1; i < 5; ++i) calls += sse::call(i, i == 1 ? "u" : "v", pick(2) == 0 ? "own0" : "ask", "{}");
        return exchange.body(calls + sse::finish("tool_calls") + sse::done());
      }
      case 3: return pick(3) == 0 ? exchange.fail(network_error("upstream_reset")) : exchange.end();
      case 4: return exchange.body(": ping\n\n");
      case 5: return exchange.body(sse::reasoning("hm"));
      case 6: return exchange.body("data: nonsense\n\n");
      default: return exchange.body(sse::text("some words "));
    }
  }

  void close() {
    if (pick(3) == 0) {
      f_.server.reset();
      return;
    }
    if (pick(2) == 0) {
      f_.server->close_input();
    } else {
      f_.server->drain(milliseconds(pick(2) * 1'000));
    }
    f_.settle();
    for (int i = 0; i < 200; ++i) f_.advance(500);
    CHECK(f_.idle == 1);
    CHECK(f_.server->in_flight() + f_.server->queued() == 0);
    const ServerStats& stats = f_.server->stats();
    CHECK(stats.done + stats.errors == stats.accepted);
    f_.server.reset();
    CHECK(f_.clock.pending() == 0);
  }

  // Every chat has its frames numbered without a gap and ends once; nothing follows its end.
  void check() {
    std::map<std::string, std::uint64_t> next;
    for (const auto& frame : f_.output.frames()) {
      if (!frame.contains("seq")) continue;
      ++seen_[frame["type"].get<std::string>()];
      if (frame["data"].contains("executor")) ++seen_[frame["data"]["executor"].get<std::string>()];
      const auto id = frame["id"].get<std::string>();
      REQUIRE(frame["seq"] == next[id]++);
      if (frame["type"] == "tool_cancel") ++seen_["tool_cancel: " + frame["data"]["reason"].get<std::string>()];
      if (frame["type"] == "done" || frame["type"] == "error") next.erase(id);
    }
    CHECK(next.empty());
    CHECK(tools_.alive() == 0);
    for (std::size_t i = 0; i < f_.http.count(); ++i) CHECK(!f_.http.at(i).open());
  }

  std::mt19937 random_;
  std::map<std::string, int> seen_;
  WalkTools tools_;
  ServerFixture f_;
  std::set<std::size_t> began_;
};

}  // namespace

TEST_CASE("whatever happens, in whatever order, each accepted chat ends exactly once") {
  std::map<std::string, int> seen;
  for (unsigned seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Walk walk(seed);
    walk.run();
    for (const auto& [what, count] : walk.seen()) seen[what] += count;
  }
  // It went everywhere.
  for (const char* what : {"done", "error", "retry", "mcp", "parent", "none", "return", "tool_result", "tool_cancel"}) {
    CAPTURE(what);
    CHECK(seen[what] > 20);
  }
  for (const char* reason :
       {"retry", "upstream_error", "cancelled", "tool_timeout"}) {  // calls that were shown early, too
    CAPTURE(reason);
    CHECK(seen[std::string("tool_cancel: ") + reason] > 0);
  }
}
