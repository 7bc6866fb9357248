// MCP servers over HTTP that fail in every way that HTTP can, while another chat runs.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "tests/e2e/mcp_servers.hpp"
#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

// MCP server over HTTP whose misbehaviour a test defines.
class HttpMcp {
 public:
  using Answer = std::function<std::optional<Script>(const tools::Request&, const Json& message)>;

  // `answer` may return a response that replaces the response of a working server.
  explicit HttpMcp(Answer answer) : answer_(std::move(answer)) {
    auto server = tools::UpstreamServer::start([this](const tools::Request& request) { return respond(request); });
    if (!server) FAIL(server.error());
    server_ = std::move(*server);
  }
  [[nodiscard]] Json definition() const { return {{"s", {{"url", server_->url() + "/mcp"}}}}; }
  // Returns the methods of the messages so far. A request without a message has an entry, too.
  [[nodiscard]] std::vector<std::string> methods() const {
    const std::lock_guard lock(mutex_);
    return methods_;
  }
  [[nodiscard]] auto count(std::string_view method) const { return std::ranges::count(methods(), method); }

 private:
  Script respond(const tools::Request& request) {
    const Json message = Json::parse(request.body, nullptr, false);
    const bool post = request.method == "POST" && message.is_object();
    const std::string method = post ? message.value("method", "") : request.method;
    {
      const std::lock_guard lock(mutex_);
      methods_.push_back(method);
    }
    if (auto script = answer_(request, message)) return *std::move(script);
    if (!post) return {.status = 405};
    if (!message.contains("id")) return {.status = 202};
    Json result = Json::object();
    if (method == "initialize") {
      result = {{"protocolVersion", "2025-11-25"},
                {"capabilities", {{"tools", Json::object()}}},
                {"serverInfo", {{"name", "s"}}}};
    } else if (method == "tools/list") {
      result = {{"tools", Json::array({Json{{"name", "go"}, {"inputSchema", {{"type", "object"}}}}})}};
    } else {
      result = {{"content", Json::array({Json{{"type", "text"}, {"text", "went"}}})}};
    }
    Script script =
        tools::json_script(200, Json{{"jsonrpc", "2.0"}, {"id", message.at("id")}, {"result", result}}.dump());
    if (method == "initialize") script.headers.emplace_back("mcp-session-id", "session");
    return script;
  }

  const Answer answer_;
  mutable std::mutex mutex_;
  std::vector<std::string> methods_;
  std::unique_ptr<tools::UpstreamServer> server_;  // last member: its thread uses the others
};

Json go_over_http(TestWorker& worker, const std::string& id, const HttpMcp& server) {
  worker.send(mcp_chat(id, server.definition(), {{"s__go"}}));
  const auto& log = worker.end_of(id);
  CHECK(log.outcome() == "done");
  return log.outcome() == "done" ? outputs(log).at("s__go") : Json();
}

const Json kWent = {{"type", "text"}, {"value", "went"}};

TEST_CASE("fault 87: over HTTP a lost session is started again once, and the call is repeated") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  int calls = 0;
  const HttpMcp forgets_once([&](const tools::Request&, const Json& message) -> std::optional<Script> {
    const bool call = message.is_object() && message.value("method", "") == "tools/call";
    if (call && ++calls == 1) return Script{.status = 404};
    return std::nullopt;
  });
  CHECK(go_over_http(worker, "once", forgets_once) == kWent);
  CHECK(forgets_once.count("initialize") == 2);
  CHECK(forgets_once.count("tools/call") == 2);
  const HttpMcp forgets([&](const tools::Request&, const Json& message) -> std::optional<Script> {
    const bool call = message.is_object() && message.value("method", "") == "tools/call";
    return call ? std::optional(Script{.status = 404}) : std::nullopt;
  });
  CHECK(go_over_http(worker, "ever", forgets) == mcp_error("the MCP server lost the session twice"));
  CHECK(forgets.count("tools/call") == 2);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 87: over HTTP a broken stream is resumed from its last event, or the call fails") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  std::string id;                // used by the upstream's thread
  std::atomic<int> resumed = 0;  // number of resumptions from the event that arrived
  // The response arrives with the GET that resumes the stream.
  const auto breaks_off = [&](bool numbered) {
    return [&, numbered](const tools::Request& request, const Json& message) -> std::optional<Script> {
      if (message.is_object() && message.value("method", "") == "tools/call") {
        id = message.at("id").dump();
        Script script = event_stream(numbered ? "id: 7\nretry: 10\ndata:\n\n" : ": nothing\n\n");
        return script;
      }
      if (request.method != "GET" || request.header("last-event-id").empty()) return std::nullopt;
      resumed += request.header("last-event-id") == "7" ? 1 : 0;
      return event_stream("id: 8\ndata: {\"jsonrpc\":\"2.0\",\"id\":" + id +
                          R"(,"result":{"content":[{"type":"text","text":"went"}]}})" + "\n\n");
    };
  };
  const HttpMcp numbered(breaks_off(true));
  CHECK(go_over_http(worker, "numbered", numbered) == kWent);
  CHECK(resumed == 1);
  CHECK(numbered.count("tools/call") == 1);  // not repeated, because the server may already have run it
  const HttpMcp plain(breaks_off(false));
  CHECK(go_over_http(worker, "plain", plain) == mcp_error("the MCP server ended its answer before it was complete"));
  CHECK(plain.count("tools/call") == 1);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 87: over HTTP a redirect is not followed, 405 means no GET stream, and 202 fails a call") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  const HttpMcp elsewhere([](const tools::Request&, const Json&) { return std::nullopt; });
  const HttpMcp redirects([&](const tools::Request&, const Json&) -> std::optional<Script> {
    return Script{.status = 307, .headers = {{"location", elsewhere.definition().at("s").at("url")}}};
  });
  worker.send(mcp_chat("redirect", redirects.definition(), {}));
  const auto& log = worker.end_of("redirect");
  CHECK(log.outcome() == "mcp_unavailable");
  CHECK(elsewhere.methods().empty());
  // The `tools.listChanged` capability makes the worker open a stream for notifications.
  const HttpMcp deaf([](const tools::Request&, const Json& message) -> std::optional<Script> {
    if (!message.is_object() || message.value("method", "") != "initialize") return std::nullopt;
    const Json result = {{"protocolVersion", "2025-11-25"},
                         {"capabilities", {{"tools", {{"listChanged", true}}}}},
                         {"serverInfo", {{"name", "s"}}}};
    return tools::json_script(200, Json{{"jsonrpc", "2.0"}, {"id", message.at("id")}, {"result", result}}.dump());
  });
  CHECK(go_over_http(worker, "deaf", deaf) == kWent);
  CHECK(deaf.count("GET") == 1);
  const HttpMcp accepts([](const tools::Request&, const Json& message) -> std::optional<Script> {
    const bool call = message.is_object() && message.value("method", "") == "tools/call";
    return call ? std::optional(Script{.status = 202}) : std::nullopt;
  });
  CHECK(go_over_http(worker, "accepts", accepts) ==
        mcp_error("the MCP server answered with something else than JSON or an event stream"));
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE(
    "fault 83: over HTTP a response that only lenient parsers accept is used, one that no parser accepts fails its "
    "call") {
  TestWorker worker({"--mcp-connect-ms", "5000"});
  using Wrap = std::function<Script(const std::string& id, const std::string& result)>;
  const auto answer_of = [&](const std::string& id, const Wrap& wrap) {
    const HttpMcp server([&](const tools::Request&, const Json& message) -> std::optional<Script> {
      const bool call = message.is_object() && message.value("method", "") == "tools/call";
      if (!call) return std::nullopt;
      return wrap(message.at("id").dump(), R"({"content":[{"type":"text","text":"went"}]})");
    });
    return go_over_http(worker, id, server);
  };
  const auto lenient = [](const std::string& id, const std::string& result) {
    return "{\"_meta\":{\"n\":NaN,\"t\":\"\t\"},\"id\":0,\"id\":\"" + id + "\",\"result\":" + result + "}";
  };
  const auto wrong = [](const std::string& id, const std::string& result) {
    return R"({"id":)" + id + R"(,"result":)" + result + ",}";
  };
  const Json unreadable = mcp_error("the MCP server sent a response that cannot be read: expected a key in quotes");
  // Returns an event stream that stays open after the response.
  const auto as_events = [](const std::string& json) { return broken_stream("data: " + json + "\n\n", Ending::kHang); };
  CHECK(answer_of("json", [&](auto& id, auto& result) {
          return tools::json_script(200, "\xEF\xBB\xBF" + lenient(id, result));
        }) == kWent);
  CHECK(answer_of("events", [&](auto& id, auto& result) { return as_events(lenient(id, result)); }) == kWent);
  CHECK(answer_of("wrong json", [&](auto& id, auto& result) { return tools::json_script(200, wrong(id, result)); }) ==
        unreadable);
  CHECK(answer_of("wrong status", [&](auto& id, auto& result) { return tools::json_script(400, wrong(id, result)); }) ==
        unreadable);
  CHECK(answer_of("wrong events", [&](auto& id, auto& result) { return as_events(wrong(id, result)); }) == unreadable);
  CHECK(answer_of("no response", [&](auto&, auto&) { return tools::json_script(200, "{"); }) ==
        mcp_error("the MCP server sent JSON that is not a response to the request"));
  // Structured content with line breaks is still written as one frame.
  CHECK(answer_of("lines", [&](auto& id, auto&) {
          return tools::json_script(200, "{\n\"id\":" + id + ",\n\"result\":{\"structuredContent\":{\r\n\"a\":\n1}}}");
        }) == Json::parse(R"({"type":"json","value":{"a":1}})"));
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
