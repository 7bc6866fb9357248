#include "tests/growth/scene.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "protocol/decode.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/fake_http.hpp"
#include "worker/agent/server.hpp"
#include "worker/executors/mcp/pool.hpp"

namespace aiw::growth {
namespace {

using Work = std::function<void(const std::function<void()>&)>;

// Keeps only the last frame.
class Output : public FrameOutput {
 public:
  std::string& tail() override { return text_; }
  void frame_appended() override {}
  [[nodiscard]] std::size_t pending() const override { return 0; }
  [[nodiscard]] bool congested() const override { return false; }
  void forget() {
    if (text_.size() < 2) return;
    last_ = text_.substr(text_.rfind('\n', text_.size() - 2) + 1);
    text_.clear();
  }
  [[nodiscard]] const std::string& last() const { return last_; }

 private:
  std::string text_, last_;
};

// MCP servers as programs. Requests to them are queued here until they are answered.
class Launcher : public ChildLauncher {
 public:
  std::expected<std::unique_ptr<ChildProcess>, std::string> spawn(const ChildCommand&, ChildHandler& handler) override {
    handlers_.insert(&handler);
    return std::make_unique<Child>(*this, handler);
  }
  [[nodiscard]] std::size_t running() const override { return handlers_.size(); }
  [[nodiscard]] bool runs(ChildHandler* handler) const { return handlers_.contains(handler); }
  std::deque<std::pair<ChildHandler*, std::string>> asked;

 private:
  class Child : public ChildProcess {
   public:
    Child(Launcher& launcher, ChildHandler& handler) : launcher_(launcher), handler_(handler) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() override { launcher_.handlers_.erase(&handler_); }
    void write(std::string bytes) override { launcher_.asked.emplace_back(&handler_, std::move(bytes)); }
    void set_output_paused(bool) override {}
    [[nodiscard]] std::size_t unwritten() const override { return 0; }

   private:
    Launcher& launcher_;
    ChildHandler& handler_;
  };
  std::set<ChildHandler*> handlers_;
};

// Returns the value of the first string member with that name.
std::string member(const std::string& frame, const std::string& name) {
  const std::string beginning = "\"" + name + "\":\"";
  const auto at = frame.find(beginning);
  if (at == std::string::npos) return {};
  const auto from = at + beginning.size();
  return frame.substr(from, frame.find('"', from) - from);
}

class Stage {
 public:
  Stage(const Scene& scene, const Work& work)
      : scene_(scene), work_(work), encoder_(make_encoder(scene.dialect)), pool_({}, pool_services()) {
    ServerServices services{.clock = clock_,
                            .http = http_,
                            .memory = memory_,
                            .output = output_,
                            .encoder = *encoder_,
                            .keys = keys_,
                            .random = [] { return 0.0; },
                            .post = [this](std::function<void()> action) { posted_.push_back(std::move(action)); },
                            .on_unanswered = [](const Error&) {}};
    services.tool_sources = {&pool_};
    server_ = std::make_unique<Server>(
        ServerOptions{.version = "1", .admission = {.max_in_flight = scene.max_in_flight}}, services);
  }

  std::string play() {
    for (const auto& line : scene_.lines) take(line);
    go_on();
    for (const auto& line : scene_.later) take(line);
    go_on();
    return member(output_.last(), "type") + " " + member(output_.last(), "code");
  }

 private:
  McpPoolServices pool_services() {
    return {
        .clock = clock_,
        .http = http_,
        .memory = memory_,
        .launcher = launcher_,
        .key_resolver =
            [] {
              return McpKeyResolver([](std::string_view value, const BaseUrl&) -> std::expected<ResolvedText, Error> {
                return ResolvedText{std::string(value)};
              });
            },
        .log_enabled = [](McpLogLevel) { return true; },
        .log = [](McpLogLevel, std::string_view, std::string_view, std::string_view) {}};
  }

  void turn(const std::function<void()>& action) {
    work_([&] {
      action();
      while (!posted_.empty()) {
        const auto next = std::move(posted_.front());
        posted_.pop_front();
        next();
      }
    });
    output_.forget();
  }

  void take(const std::string& line) {
    turn([&] { server_->handle(decode_line({line})); });
  }

  void go_on() {
    for (bool moved = true; moved;) {
      turn([&] { clock_.advance(std::chrono::milliseconds(1)); });
      moved = respond_next() || say_next();
    }
  }

  bool respond_next() {
    if (responded_ == http_.count()) return false;
    FakeExchange& exchange = http_.at(responded_++);
    const std::string& url = exchange.request().url;
    if (url.starts_with("https://tool.example")) {
      respond(exchange, scene_.tool);
    } else if (url.starts_with("https://mcp.example")) {
      respond(exchange, {"application/json", reply_to(exchange.request().body.str())});
    } else {
      const auto& responses = scene_.provider;
      respond(exchange, responses.empty() ? Response{} : responses[std::min(next_provider_++, responses.size() - 1)]);
    }
    return true;
  }

  void respond(FakeExchange& exchange, const Response& response) {
    turn([&] { exchange.head(response.status, {{"content-type", response.type}}); });
    for (std::size_t at = 0; at < response.body.size(); at += response.piece) {
      turn([&] { exchange.body(std::string_view(response.body).substr(at, response.piece)); });
    }
    turn([&] { exchange.end(); });
  }

  bool say_next() {
    if (launcher_.asked.empty()) return false;
    const auto [server, request] = std::move(launcher_.asked.front());
    launcher_.asked.pop_front();
    const std::string reply = reply_to(request);
    if (reply.empty()) return true;
    const std::string said = (request.contains("tools/call") ? scene_.mcp_noise : "") + reply + "\n";
    constexpr std::size_t kPiece = 64 << 10;
    for (std::size_t at = 0; at < said.size() && launcher_.runs(server); at += kPiece) {
      turn([&, handler = server] { handler->on_output(std::string_view(said).substr(at, kPiece)); });
    }
    return true;
  }

  std::string reply_to(const std::string& request) {
    const auto message = nlohmann::json::parse(request, nullptr, false);
    if (!message.is_object() || !message.contains("id")) return {};
    const std::string method = message.value("method", "");
    std::string result = R"({"protocolVersion":"2025-06-18","capabilities":{"tools":{}}})";
    const auto& lists = scene_.mcp_lists;
    if (method == "tools/list") result = R"({"tools":[]})";
    if (method == "tools/list" && !lists.empty()) result = lists[std::min(next_list_++, lists.size() - 1)];
    if (method == "tools/call") result = scene_.mcp_result;
    return R"({"jsonrpc":"2.0","id":)" + message["id"].dump() + R"(,"result":)" + result + "}";
  }

  const Scene& scene_;
  MemoryAccounts memory_{{}};  // no limit
  const Work& work_;
  FakeClock clock_;
  FakeHttp http_;
  Launcher launcher_;
  Output output_;
  KeyPolicy keys_;
  std::unique_ptr<FrameEncoder> encoder_;
  McpPool pool_;
  std::deque<std::function<void()>> posted_;
  std::unique_ptr<Server> server_;
  std::size_t responded_ = 0, next_provider_ = 0, next_list_ = 0;
};

}  // namespace

std::string play(const Scene& scene, const Work& work) {
  if (!scene.direct) return Stage(scene, work).play();
  work(scene.direct);
  return "direct";
}

}  // namespace aiw::growth
