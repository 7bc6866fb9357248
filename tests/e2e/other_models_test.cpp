// Other models when the chat's own model fails (fallbacks) or is slow (hedges).
#include <doctest/doctest.h>

#include <string>

#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

Json provider(const Upstream& upstream, const std::string& id) {
  return {{"id", id},
          {"type", "openai-chat"},
          {"baseUrl", upstream.base_url(id)},
          {"models", Json::array({{{"id", "of-" + id}}})}};
}

// Returns a chat with the provider `own` and one alternate provider.
Json chat(const Upstream& upstream, const std::string& id, const std::string& own, const std::string& other,
          Json payload) {
  payload["config"] = {{"providers", Json::array({provider(upstream, own), provider(upstream, other)})}};
  payload["modelId"] = "of-" + own;
  return upstream.chat(id, own, payload);
}

Json fall_back_to(const std::string& other) { return {{"fallbacks", Json::array({other + "/of-" + other})}}; }
Json hedge_with(const std::string& other, int after_ms) {
  return {{"hedge", {{"afterMs", after_ms}, {"model", other + "/of-" + other}}}};
}

TEST_CASE("a fallback responds for a provider that is down or rejects, and no text is sent twice") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  upstream.answer("refuses", {tools::json_script(401, R"({"error":{"message":"no"}})")});
  upstream.answer("breaks", {broken_stream(chunk_event({{"role", "assistant"}, {"content", ""}}), Ending::kReset)});
  upstream.answer("half", {broken_stream(text_event("half"), Ending::kReset)});
  upstream.answer("good", {event_stream(openai_answer({"one", "two"}))});
  Json no_retry = fall_back_to("good");
  no_retry["retry"] = {{"max", 0}};
  for (const std::string own : {"refuses", "breaks"}) {
    CAPTURE(own);
    worker.send(chat(upstream, own, own, "good", no_retry));
    const FrameLog& log = worker.end_of(own);
    CHECK(log.text() == "onetwo");
    CHECK(log.types() == std::vector<std::string>{"start", "retry", "delta", "usage", "done"});
    CHECK(log.all("retry").at(0).at("data").at("provider") == "good");
    CHECK(log.all("retry").at(0).at("data").at("model") == "of-good");
    CHECK(upstream.count(own) == 1);
  }
  worker.send(chat(upstream, "half", "half", "good", no_retry));
  CHECK(worker.end_of("half").outcome() == "upstream_reset");
  CHECK(worker.log("half").text() == "half");
  CHECK(upstream.count("good") == 2);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("a hedge responds for a slow provider, and the slow provider's connection is closed") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 60);
  upstream.answer("hangs", {{.ending = Ending::kHang, .before_head = true}});
  upstream.answer("good", {event_stream(openai_answer({"one", "two"}))});
  worker.send(chat(upstream, "a", "hangs", "good", hedge_with("good", 50)));
  const FrameLog& log = worker.end_of("a");
  CHECK(log.text() == "onetwo");
  CHECK(log.types() == std::vector<std::string>{"start", "retry", "delta", "usage", "done"});
  CHECK(log.all("retry").at(0).at("data").at("reason") == "hedge");
  CHECK(upstream.count("hangs") == 1);
  CHECK(eventually([&] { return upstream.open_connections() <= 2; }));  // of the canary and of the good provider
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("when both attempts of a hedge stream at the same time, exactly one response is sent") {
  Upstream upstream;
  TestWorker worker;
  upstream.answer("p", {paced({text_event("p1 "), text_event("p2"), openai_ending()}, Milliseconds(15))});
  upstream.answer("q", {paced({text_event("q1 "), text_event("q2"), openai_ending()}, Milliseconds(15))});
  for (int after_ms = 1; after_ms <= 31; after_ms += 2) {
    const std::string id = "h" + std::to_string(after_ms);
    worker.send(chat(upstream, id, "p", "q", hedge_with("q", after_ms)));
  }
  for (int after_ms = 1; after_ms <= 31; after_ms += 2) {
    const FrameLog& log = worker.end_of("h" + std::to_string(after_ms));
    CHECK(log.outcome() == "done");
    const bool whole = log.text() == "p1 p2" || log.text() == "q1 q2";
    CHECK(whole);
    CHECK(log.last().at("data").at("messages")[0].at("content")[0].at("text") == log.text());
  }
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
