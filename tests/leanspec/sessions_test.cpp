#include "worker/leanspec/sessions.hpp"

#include <doctest/doctest.h>

#include "tests/agent/server_fixture.hpp"
#include "worker/leanspec/history.hpp"

namespace aiw {
namespace {

// A server in LeanSpec's dialect whose network is FakeHttp: its sessions and its provider alike.
struct LeanSpecServer : ServerFixture {
  explicit LeanSpecServer(const ServerOptions& options = {.version = "1"})
      : ServerFixture(options, Dialect::leanspec),
        sessions(http, clock, memory, [this](std::string_view what) { failures += std::string(what) + "; "; }) {
    make_server(options, {}, &sessions);
  }
  ~LeanSpecServer() { server.reset(); }

  void start(const std::string& id = "a", const std::string& more = "") {
    chat(id, R"({"baseUrl":"http://127.0.0.1:3000/","sessionId":"s/1","projectId":"p")" + more + "}");
  }
  void reply_at(std::size_t request, int status, const std::string& body) {
    http.at(request).head(status, {});
    http.at(request).body(body);
    http.at(request).end();
    settle();
  }

  std::string failures;
  LeanSpecSessions sessions;
};

TEST_CASE("sessions: the session's provider and model override the request's") {
  LeanSpecServer leanspec;
  leanspec.start("a", R"(,"providerId":"nobody","modelId":"x")");
  REQUIRE(leanspec.http.count() == 1);
  CHECK(leanspec.http.at(0).request().method == "GET");
  CHECK(leanspec.http.at(0).request().url == "http://127.0.0.1:3000/api/chat/sessions/s%2F1");
  CHECK(leanspec.http.at(0).request().headers.empty());
  CHECK(leanspec.server->in_flight() == 1);
  leanspec.reply_at(0, 200, R"({"session":{"id":"s/1","providerId":"p","modelId":"m","messages":[]}})");
  REQUIRE(leanspec.http.count() == 2);
  CHECK(leanspec.http.at(1).request().body.str().find(R"("model":"m")") != std::string::npos);
  CHECK(leanspec.failures.empty());
}

TEST_CASE("sessions: whatever goes wrong with the look-up, the chat goes on without it") {
  const std::string deep(1'000'000, '[');
  for (const std::string& body : {std::string(), std::string("no json"), std::string("[]"), std::string("{}"), deep,
                                  std::string(R"({"session":null})"), std::string(R"({"session":{"providerId":1}})")}) {
    CAPTURE(body.substr(0, 100));
    LeanSpecServer leanspec;
    leanspec.start();
    leanspec.reply_at(0, 200, body);
    CHECK(leanspec.http.count() == 2);
  }
  LeanSpecServer missing;
  missing.start();
  missing.reply_at(0, 404, "");
  CHECK(missing.http.count() == 2);
  CHECK(missing.failures == "a chat session was not found: status 404; ");
  LeanSpecServer dead;
  dead.start();
  dead.http.at(0).fail(network_error("connect_error"));
  CHECK(dead.http.count() == 2);
  LeanSpecServer hanging;
  hanging.start();
  hanging.advance(2'999);
  CHECK(hanging.http.count() == 1);
  hanging.advance(1);
  CHECK(hanging.http.count() == 2);
  CHECK_FALSE(hanging.http.at(0).open());
  CHECK(hanging.failures == "a chat session was not found: it took too long; ");
}

TEST_CASE("sessions: a chat without one, or without a usable baseUrl, asks nobody") {
  LeanSpecServer leanspec;
  leanspec.chat("a", R"({"baseUrl":"http://127.0.0.1:3000"})");
  leanspec.chat("b", R"({"sessionId":"s"})");
  leanspec.chat("c", R"({"sessionId":"s","baseUrl":"file:///etc"})");
  leanspec.chat("d", R"({"sessionId":"..","baseUrl":"http://127.0.0.1:3000"})");
  REQUIRE(leanspec.http.count() == 4);
  for (std::size_t i = 0; i < 4; ++i) CHECK(leanspec.http.at(i).request().method == "POST");
}

TEST_CASE("sessions: a chat that is looked up is running: for its id, stdin's end, a drain and an abort") {
  LeanSpecServer leanspec;
  leanspec.start();
  leanspec.start();
  CHECK(leanspec.unanswered == "duplicate_id ");
  CHECK(leanspec.http.count() == 1);
  leanspec.server->close_input();
  leanspec.settle();
  CHECK(leanspec.idle == 0);
  leanspec.reply_at(0, 404, "");
  leanspec.answer(1);
  CHECK(leanspec.idle == 0);  // it is being saved
  leanspec.reply_at(2, 200, "{}");
  CHECK(leanspec.idle == 1);
  CHECK(leanspec.last().at("type") == "done");

  LeanSpecServer draining;
  draining.start();
  draining.server->drain(std::chrono::milliseconds(10'000));
  draining.reply_at(0, 200, "{}");
  REQUIRE(draining.http.count() == 2);
  draining.answer(1);
  draining.reply_at(2, 200, "{}");
  CHECK(draining.last().at("type") == "done");
  CHECK(draining.idle == 1);

  LeanSpecServer cut;
  cut.start();
  cut.server->drain(std::chrono::milliseconds(100));
  cut.advance(100);
  CHECK(cut.last().at("type") == "error");
  CHECK(cut.last().at("code") == "shutting_down");
  CHECK(cut.server->cut_short() == 1);
  CHECK(cut.idle == 1);
  CHECK_FALSE(cut.http.at(0).open());

  LeanSpecServer refused;
  refused.start("a", R"(,"providerId":"nobody")");
  refused.server->close_input();
  refused.settle();
  refused.reply_at(0, 404, "");
  CHECK(refused.last().at("code") == "provider_not_found");
  CHECK(refused.idle == 1);
}

TEST_CASE("sessions: a chat that is cancelled while it is looked up ends as cancelled") {
  LeanSpecServer leanspec;
  leanspec.start();
  leanspec.cancel("a");
  leanspec.reply_at(0, 404, "");
  CHECK(leanspec.last().at("type") == "done");
  CHECK(leanspec.last().at("finishReason") == "cancelled");
}

TEST_CASE("sessions: chats that are looked up count towards the limit of those that run") {
  LeanSpecServer leanspec({.version = "1", .admission = {.max_in_flight = 1, .max_queued = 0}});
  leanspec.start("a");
  leanspec.chat("b");
  CHECK(leanspec.last().at("code") == "overloaded");
  leanspec.reply_at(0, 404, "");
  leanspec.answer(1);
  leanspec.reply_at(2, 200, "{}");
  CHECK(leanspec.last().at("id") == "a");
  CHECK(leanspec.last().at("type") == "done");
  leanspec.chat("c");
  CHECK(leanspec.http.count() == 4);

  LeanSpecServer waiting({.version = "1", .admission = {.max_in_flight = 1, .max_queued = 1}});
  for (const char* id : {"a", "b", "c"}) waiting.start(id);
  CHECK(waiting.http.count() == 2);
  CHECK(waiting.last().at("id") == "c");
  CHECK(waiting.last().at("code") == "overloaded");
  waiting.reply_at(1, 404, "");
  waiting.reply_at(0, 404, "");
  REQUIRE(waiting.http.count() == 3);
  waiting.answer(2);
  waiting.reply_at(3, 200, "{}");
  REQUIRE(waiting.http.count() == 5);
  waiting.answer(4);
  waiting.reply_at(5, 200, "{}");
  CHECK(waiting.server->stats().done == 2);
}

TEST_CASE("sessions: a config that comes while a chat is looked up is for later chats") {
  LeanSpecServer leanspec;
  const auto reload = [&](const char* host) {
    leanspec.line(
        "reload_config", "r",
        R"({"providers":[{"id":"p","baseUrl":"https://)" + std::string(host) + R"(","models":[{"id":"m"}]}]})");
  };
  reload("first.example");
  leanspec.start("a", R"(,"config":null)");
  reload("second.example");
  leanspec.reply_at(0, 404, "");
  REQUIRE(leanspec.http.count() == 2);
  CHECK(leanspec.http.at(1).request().url.starts_with("https://first.example/"));
}

TEST_CASE("sessions: the text of the conversation is saved before done is said") {
  LeanSpecServer leanspec;
  leanspec.start();
  leanspec.reply_at(0, 200, "{}");
  leanspec.answer(1, sse::answer(" Hi \"you\"\n"));
  REQUIRE(leanspec.http.count() == 3);
  CHECK(leanspec.types("a").find("done") == std::string::npos);
  const HttpRequest& put = leanspec.http.at(2).request();
  CHECK(put.method == "PUT");
  CHECK(put.url == "http://127.0.0.1:3000/api/chat/sessions/s%2F1/messages");
  const Json body = Json::parse(put.body.str());
  CHECK(body.at("projectId") == "p");
  CHECK(body.at("providerId") == "p");
  CHECK(body.at("modelId") == "m");
  const Json& messages = body.at("messages");
  CHECK(messages.front().at("role") == "user");
  CHECK(messages.back() == Json{{"role", "assistant"}, {"content", "Hi \"you\""}});
  leanspec.reply_at(2, 200, "{}");
  CHECK(leanspec.last().at("type") == "done");
  CHECK(leanspec.last().at("usage").is_object());
  CHECK(leanspec.failures.empty());
}

TEST_CASE("sessions: saving is bounded, and its failure is only logged") {
  LeanSpecServer leanspec;
  leanspec.start();
  leanspec.reply_at(0, 200, "{}");
  leanspec.answer(1);
  leanspec.advance(4'999);
  CHECK(leanspec.types("a").find("done") == std::string::npos);
  leanspec.advance(1);
  CHECK(leanspec.last().at("type") == "done");
  CHECK(leanspec.failures == "a chat session was not saved: it took too long; ");
  CHECK_FALSE(leanspec.http.at(2).open());
  leanspec.start("b");
  leanspec.reply_at(3, 200, "{}");
  leanspec.answer(4);
  leanspec.reply_at(5, 500, "no");
  CHECK(leanspec.last().at("id") == "b");
  CHECK(leanspec.last().at("type") == "done");
  leanspec.start("c");
  leanspec.reply_at(6, 200, "{}");
  leanspec.answer(7);
  leanspec.server->drain(std::chrono::milliseconds(10));
  leanspec.advance(10);
  CHECK(leanspec.last().at("id") == "c");
  CHECK(leanspec.last().at("type") == "done");  // its answer was whole
  CHECK(leanspec.server->cut_short() == 0);
}

TEST_CASE("sessions: nothing is saved of an empty answer or a failure") {
  LeanSpecServer leanspec;
  leanspec.start();
  leanspec.reply_at(0, 200, "{}");
  leanspec.answer(1, sse::answer(" \n "));
  CHECK(leanspec.last().at("type") == "done");
  leanspec.start("b");
  leanspec.reply_at(2, 200, "{}");
  leanspec.http.at(3).head(401, {});
  leanspec.http.at(3).end();
  leanspec.settle();
  CHECK(leanspec.last().at("type") == "error");
  CHECK(leanspec.http.count() == 4);
}

TEST_CASE("sessions: a conversation's text, without its tools, each turn of the assistant one message") {
  std::string text =
      R"([{"role":"system","content":"S"},{"role":"user","content":[{"type":"text","text":"a"},)"
      R"({"type":"text","text":"b\n"}]},{"role":"assistant","content":[{"type":"text","text":"one"},)"
      R"({"type":"tool-call","toolCallId":"1","toolName":"t","input":{}}]},)"
      R"({"role":"tool","content":[{"type":"tool-result","toolCallId":"1","toolName":"t","output":{"type":"text","value":"r"}}]},)"
      R"({"role":"assistant","content":"two"},{"role":"user","content":""},)"
      R"({"role":"assistant","content":[{"type":"reasoning","text":"hm"}]},{"role":"user","content":"c"}])";
  const auto messages = decode_messages(text);
  std::string written;
  write_text_history(written, messages);
  CHECK(Json::parse("[" + written + "]") == Json::array({{{"role", "system"}, {"content", "S"}},
                                                         {{"role", "user"}, {"content", "a\n\nb\n"}},
                                                         {{"role", "assistant"}, {"content", "one\n\ntwo"}},
                                                         {{"role", "user"}, {"content", "c"}}}));
  CHECK(answer_text(messages) == "one\\n\\ntwo");
  CHECK(answer_text({}).empty());
}

}  // namespace
}  // namespace aiw
