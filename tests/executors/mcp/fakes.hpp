// A transport, a launcher and a server that a test plays.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/base/child_process.hpp"
#include "worker/executors/mcp/mcp_log.hpp"
#include "worker/executors/mcp/transport.hpp"

namespace aiw::test {

using Json = nlohmann::json;

inline Json rpc_answer(const Json& request, Json result) {
  return {{"jsonrpc", "2.0"}, {"id", request.at("id")}, {"result", std::move(result)}};
}
inline Json initialize_answer(const Json& request, const std::string& revision = "2025-11-25",
                              const Json& capabilities = {{"tools", {{"listChanged", true}}}}) {
  return rpc_answer(request, {{"protocolVersion", revision},
                              {"capabilities", capabilities},
                              {"serverInfo", {{"name", "fake"}, {"version", "1"}}}});
}
inline Json tools_answer(const Json& request, const std::vector<std::string>& names, const std::string& cursor = {}) {
  Json tools = Json::array();
  for (const auto& name : names) tools.push_back({{"name", name}, {"inputSchema", {{"type", "object"}}}});
  Json result = {{"tools", tools}};
  if (!cursor.empty()) result["nextCursor"] = cursor;
  return rpc_answer(request, result);
}

// What a transport was given, and a way to answer. Outlives the session that owns the transport.
struct Wire {
  std::vector<Json> sent;
  std::vector<std::int64_t> forgotten;
  std::string revision;
  int lost_sessions = 0;
  bool listen = false;
  std::optional<std::string> refuses;  // start()
  McpTransportHandler* handler = nullptr;

  [[nodiscard]] const Json& last() const { return sent.back(); }
  [[nodiscard]] std::vector<std::string> methods() const {
    std::vector<std::string> out;
    for (const auto& message : sent) out.push_back(message.value("method", "answer"));
    return out;
  }
  void say(const Json& message) { handler->on_message(message.dump()); }
  void handshake(const std::vector<std::string>& tools = {"go"}) {
    say(initialize_answer(sent.at(0)));
    say(tools_answer(last(), tools));
  }
};

class FakeTransport : public McpTransport {
 public:
  explicit FakeTransport(Wire& wire) : wire_(wire) {}
  std::optional<std::string> start(McpTransportHandler& handler) override {
    wire_.handler = &handler;
    return wire_.refuses;
  }
  void send(McpOutgoing message) override { wire_.sent.push_back(Json::parse(message.json)); }
  void forget(std::int64_t id) override { wire_.forgotten.push_back(id); }
  void agreed(std::string_view revision, bool listen) override {
    wire_.revision = revision;
    wire_.listen = listen;
  }
  void forget_session() override { ++wire_.lost_sessions; }

 private:
  Wire& wire_;
};

// One child that was started; lives as long as its launcher.
struct FakeChild {
  ChildCommand command;
  ChildHandler* handler = nullptr;  // nullptr: nobody listens
  std::string written;
  std::size_t unwritten = 0;
  bool alive = true;
  bool paused = false;

  // The messages on its stdin so far.
  [[nodiscard]] std::vector<Json> messages() const {
    std::vector<Json> out;
    for (std::size_t begin = 0; begin < written.size();) {
      const auto end = written.find('\n', begin);
      out.push_back(Json::parse(written.substr(begin, end - begin)));
      begin = end + 1;
    }
    return out;
  }
  void say(const Json& message) {
    if (handler != nullptr) handler->on_output(message.dump() + "\n");
  }
  void handshake(const std::vector<std::string>& tools = {"go"}) {
    say(initialize_answer(messages().at(0)));
    say(tools_answer(messages().back(), tools));
  }
  void die(std::string_view how) {
    if (auto* listener = std::exchange(handler, nullptr)) listener->on_gone(how);
  }
};

class FakeLauncher : public ChildLauncher {
 public:
  std::expected<std::unique_ptr<ChildProcess>, std::string> spawn(const ChildCommand& command,
                                                                  ChildHandler& handler) override {
    if (!fails.empty()) return std::unexpected(fails);
    FakeChild& child = children.emplace_back();
    child.command = command;
    child.handler = &handler;
    return std::make_unique<Handle>(child);
  }
  [[nodiscard]] std::size_t running() const override {
    return static_cast<std::size_t>(std::ranges::count_if(children, [](const auto& child) { return child.alive; }));
  }

  std::deque<FakeChild> children;
  std::string fails;

 private:
  class Handle : public ChildProcess {
   public:
    explicit Handle(FakeChild& child) : child_(child) {}
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() override {
      child_.handler = nullptr;
      child_.alive = false;
    }
    void write(std::string bytes) override { child_.written += bytes; }
    void set_output_paused(bool paused) override { child_.paused = paused; }
    [[nodiscard]] std::size_t unwritten() const override { return child_.unwritten; }

   private:
    FakeChild& child_;
  };
};

struct LogLine {
  McpLogLevel level;
  std::string event, text;
};

}  // namespace aiw::test
