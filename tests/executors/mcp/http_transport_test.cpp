// Streamable HTTP against a network that the test plays.
#include "worker/executors/mcp/http_transport.hpp"

#include <doctest/doctest.h>

#include "tests/executors/mcp/fakes.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/fake_http.hpp"

using namespace aiw;
using namespace std::chrono_literals;
using test::Json;

namespace {

using Names = std::vector<std::string>;
using Kind = McpOutgoing::Kind;

class Fixture : public McpTransportHandler {
 public:
  Fixture() { make({}); }
  void make(RequestHeaders headers) {
    transport = make_http_transport(
        clock, http, {"https://mcp.example/mcp", std::move(headers)},
        [](McpLogLevel, std::string_view, std::string_view) {},
        [this](HttpRequest request) { farewells.push_back(std::move(request)); });
    REQUIRE_FALSE(transport->start(*this));
  }
  void on_message(std::string text) override {
    messages.push_back(text);
    const Json message = Json::parse(text, nullptr, false);
    if (message.is_object() && message.contains("id")) transport->forget(message.at("id"));
  }
  void on_unanswered(std::int64_t id, std::string_view why) override {
    told.push_back(std::to_string(id) + ": " + std::string(why));
  }
  void on_session_lost(std::int64_t id, bool current) override {
    told.push_back(std::to_string(id) + (current ? ": lost" : ": lost before"));
  }
  void on_closed(std::string_view why) override { told.emplace_back(why); }

  FakeExchange& send(Kind kind, std::optional<std::int64_t> id = std::nullopt) {
    transport->send({kind, R"({"id":)" + std::to_string(id.value_or(0)) + "}", id});
    return http.last();
  }
  static void answer(FakeExchange& exchange, std::int64_t id, int status = 200) {
    exchange.head(status, {{"content-type", "application/json; charset=utf-8"}});
    exchange.body(R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"result":{}})");
    exchange.end();
  }
  void handshake(bool listen = false, const std::string& session = "s-1") {
    FakeExchange& first = send(Kind::initialize, 1);
    first.head(200, {{"content-type", "application/json"}, {"mcp-session-id", session}});
    first.body(R"({"id":1,"result":{}})");
    first.end();
    transport->agreed("2025-11-25", listen);
    FakeExchange& second = send(Kind::initialized);
    second.head(202, {});
    second.end();
    messages.clear();
  }
  static std::string header(const FakeExchange& exchange, std::string_view name) {
    std::string all;
    for (const auto& header : exchange.request().headers) {
      if (header.name == name) all += (all.empty() ? "" : ",") + header.value;
    }
    return all;
  }

  FakeClock clock;
  FakeHttp http;
  Names messages, told;
  std::vector<HttpRequest> farewells;
  std::unique_ptr<McpTransport> transport;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "mcp http: the session and the revision are in every request after the handshake") {
  FakeExchange& first = send(Kind::initialize, 1);
  CHECK(first.request().method == "POST");
  CHECK(header(first, "accept") == "application/json, text/event-stream");
  CHECK(header(first, "content-type") == "application/json");
  CHECK(header(first, "mcp-session-id").empty());
  CHECK(header(first, "mcp-protocol-version").empty());
  first.head(200, {{"content-type", "application/json"}, {"mcp-session-id", "s-1"}});
  first.body(R"({"id":1)");
  first.body(R"(,"result":{}})");
  first.end();
  CHECK(messages == Names{R"({"id":1,"result":{}})"});
  transport->agreed("2025-06-18", false);
  FakeExchange& second = send(Kind::initialized);
  CHECK(header(second, "mcp-session-id") == "s-1");
  CHECK(header(second, "mcp-protocol-version") == "2025-06-18");
  // What follows waits until the server has seen it.
  const auto before = http.count();
  transport->send({Kind::request, "{}", 2});
  CHECK(http.count() == before);
  second.head(202, {});
  second.end();
  CHECK(http.count() == before + 1);
  CHECK(header(http.last(), "mcp-session-id") == "s-1");
  transport.reset();
  REQUIRE(farewells.size() == 1);
  CHECK(farewells[0].method == "DELETE");
}

TEST_CASE_FIXTURE(Fixture, "mcp http: the request's headers go along, but for those that are the transport's") {
  make({{"Authorization", "Bearer x", true}, {"Mcp-Session-Id", "forged"}, {"HOST", "other"}});
  const FakeExchange& first = send(Kind::initialize, 1);
  CHECK(header(first, "Authorization") == "Bearer x");
  CHECK(header(first, "Mcp-Session-Id").empty());
  CHECK(header(first, "HOST").empty());
}

TEST_CASE_FIXTURE(Fixture, "mcp http: a session id that no header may have is not taken") {
  handshake(false, "bad\r\nid");
  CHECK(header(send(Kind::request, 2), "mcp-session-id").empty());
  transport.reset();
  CHECK(farewells.empty());
}

TEST_CASE_FIXTURE(Fixture, "mcp http: an event stream brings messages and then the answer") {
  handshake();
  FakeExchange& call = send(Kind::request, 2);
  call.stream();
  call.body("event: message\ndata: {\"method\":\"notifications/progress\"}\n\nevent: other\ndata: {}\n\n: ping\n\n");
  call.body("data: {\"id\":2,\"result\":{}}\n\n");
  CHECK(messages.size() == 2);
  call.end();
  clock.advance(10s);
  CHECK(told.empty());
  CHECK(http.count() == 3);
}

TEST_CASE_FIXTURE(Fixture,
                  "mcp http: a stream that breaks off is taken up after the server's time, from its last event") {
  handshake();
  FakeExchange& call = send(Kind::request, 2);
  call.stream();
  call.body("id: e1\nretry: 500\ndata:\n\n");
  call.end();
  clock.advance(499ms);
  CHECK(http.count() == 3);
  clock.advance(1ms);
  REQUIRE(http.count() == 4);
  CHECK(http.last().request().method == "GET");
  CHECK(header(http.last(), "last-event-id") == "e1");
  CHECK(header(http.last(), "accept") == "text/event-stream");
  http.last().stream();
  http.last().body("id: e2\ndata:\n\n");
  http.last().fail(network_error("upstream_reset"));
  clock.advance(500ms);
  REQUIRE(http.count() == 5);
  CHECK(header(http.last(), "last-event-id") == "e2");
  http.last().stream();
  http.last().body("data: {\"id\":2}\n\n");
  http.last().end();
  clock.advance(10s);
  CHECK(http.count() == 5);
  CHECK(told.empty());
}

TEST_CASE_FIXTURE(Fixture, "mcp http: a stream that ever breaks off is given up") {
  handshake();
  FakeExchange& call = send(Kind::request, 2);
  call.stream();
  call.body("id: e1\nretry: 0\n\n");
  call.end();
  for (int i = 0; i < 50 && told.empty(); ++i) {
    clock.advance(50ms);
    http.last().stream();
    http.last().end();
  }
  CHECK(told == Names{"2: ended its answer before it was complete"});
  CHECK(http.count() < 20);
}

TEST_CASE_FIXTURE(Fixture, "mcp http: answers that are none are told as such") {
  handshake();
  const auto outcome = [&](int status, const std::string& type, const std::string& body) {
    told.clear();
    FakeExchange& call = send(Kind::request, 2);
    call.head(status, {{"content-type", type}});
    if (!body.empty()) call.body(body);
    call.end();
    return told.empty() ? "" : told.at(0);
  };
  CHECK(outcome(500, "text/plain", "oh") == "2: answered with HTTP status 500");
  CHECK(outcome(401, "application/json", R"({"error":"x"})") == "2: answered with HTTP status 401");
  CHECK(outcome(302, "", "") == "2: answered with HTTP status 302");
  CHECK(outcome(200, "text/html", "<p>") == "2: answered with something else than JSON or an event stream");
  CHECK(outcome(200, "application/json", R"({"id":99,"result":{}})") ==
        "2: sent JSON that is not a response to the request");
  CHECK(outcome(202, "", "") == "2: answered with something else than JSON or an event stream");
  CHECK(outcome(200, "text/event-stream", "data: {}\n\n") == "2: ended its answer before it was complete");
  CHECK(outcome(400, "application/json", R"({"id":2,"error":{"code":1}})").empty());
  CHECK(outcome(404, "", "") == "2: lost");
  FakeExchange& call = send(Kind::request, 2);
  told.clear();
  call.fail(network_error("connect_error"));
  CHECK(told == Names{"2: cannot be reached: connect_error"});
}

TEST_CASE_FIXTURE(Fixture, "mcp http: a 404 of a session that was replaced is told apart") {
  handshake();
  FakeExchange& old = send(Kind::request, 2);
  transport->forget_session();
  CHECK(header(send(Kind::initialize, 3), "mcp-session-id").empty());
  old.head(404, {});
  old.end();
  CHECK(told == Names{"2: lost before"});
}

TEST_CASE_FIXTURE(Fixture, "mcp http: an event that is too long ends the exchange, not the memory") {
  handshake();
  FakeExchange& call = send(Kind::request, 2);
  call.stream();
  call.body("data: ");
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 70 && told.empty(); ++i) call.body(piece);
  CHECK(told == Names{"2: sent a message that is too long"});
}

TEST_CASE_FIXTURE(Fixture, "mcp http: the server is listened to if it may speak, and less often if it does not") {
  handshake(true);
  REQUIRE(http.count() == 3);
  CHECK(http.last().request().method == "GET");
  SUBCASE("it does not offer that") {
    http.last().head(405, {});
    http.last().end();
    clock.advance(1h);
    CHECK(http.count() == 3);
  }
  SUBCASE("it does") {
    http.last().stream();
    http.last().body("data: {\"method\":\"notifications/tools/list_changed\"}\n\n");
    CHECK(messages.size() == 1);
    http.last().end();
    for (int i = 0; i < 60; ++i) {
      clock.advance(60s);
      if (http.last().open()) {
        http.last().stream();
        http.last().end();
      }
    }
    CHECK(http.count() > 30);
    CHECK(http.count() < 80);
  }
  CHECK(told.empty());
}

TEST_CASE_FIXTURE(Fixture, "mcp http: what is forgotten is closed soon, and nothing is told of it") {
  handshake();
  FakeExchange& call = send(Kind::request, 2);
  call.stream();
  transport->forget(2);
  clock.advance(1999ms);
  CHECK(call.open());
  clock.advance(1ms);
  CHECK_FALSE(call.open());
  CHECK(told.empty());
}

TEST_CASE_FIXTURE(Fixture, "mcp http: a server that asks without end is not answered without end") {
  handshake();
  const auto before = http.count();
  for (int i = 0; i < 10'000; ++i) transport->send({Kind::other, "{}"});
  CHECK(http.count() == before + 32);
  http.last().head(202, {});
  http.last().end();
  send(Kind::other);
  send(Kind::other);
  CHECK(http.count() == before + 33);
  send(Kind::request, 7);  // a call is sent whatever else is on its way
  CHECK(http.count() == before + 34);
}

TEST_CASE_FIXTURE(Fixture, "fault 109: a server that floods a stream is read at a bounded rate, over all its streams") {
  handshake();
  FakeExchange& call = send(Kind::request, 2);
  FakeExchange& other = send(Kind::request, 3);
  call.stream();
  other.stream();
  int said = 0;
  while (!call.paused() && said < 10'000) {
    call.body("data: {}\n\n");
    ++said;
  }
  CHECK(call.paused());
  CHECK(said <= 2'001);
  other.body("data: {}\n\n");
  CHECK(other.paused());
  clock.advance(1s);
  CHECK_FALSE(call.paused());
  CHECK_FALSE(other.paused());
  clock.advance(1s);
  // Its end while it is paused leaves nothing behind.
  while (!call.paused()) call.body("data: {}\n\n");
  transport->forget(2);
  clock.advance(10s);
  CHECK(messages.size() > 2'000);
}
