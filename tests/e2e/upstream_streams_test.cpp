// Streams with an odd form or size (rows 58, 61 to 66 and 70 of the table of faults).
#include <doctest/doctest.h>

#include <array>
#include <string>

#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"
#include "tools/support/synthetic_stream.hpp"

namespace aiw::e2e {
namespace {

const Json kOnce = {{"retry", {{"max", 0}}}};

const FrameLog& run(TestWorker& worker, Upstream& upstream, const std::string& id, Script script,
                    const std::string& api = {}) {
  std::string provider = api + id;
  std::erase(provider, ' ');  // the name is part of a URL
  upstream.answer(provider, {std::move(script)});
  worker.send(upstream.chat(id, provider, kOnce));
  return worker.end_of(id);
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

Script with_type(Script script, std::string type) {
  script.headers = {{"Content-Type", std::move(type)}};
  return script;
}

TEST_CASE("fault 58: a JSON body for a stream request is a response, an HTML page is an error") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  CHECK(run(worker, upstream, "json", tools::json_script(200, openai_unary("at once"))).text() == "at once");
  CHECK(worker.log("json").outcome() == "done");
  const std::string page = "<!doctype html><html><body>Sign in</body></html>";
  CHECK(run(worker, upstream, "html", with_type(event_stream(page), "text/html; charset=utf-8")).outcome() ==
        "bad_content_type");
  // Same body with a wrong or missing content type.
  CHECK(run(worker, upstream, "mislabelled", event_stream(openai_unary("at once"))).text() == "at once");
  CHECK(run(worker, upstream, "plain", with_type(event_stream(openai_answer({"x", "y"})), "text/plain")).text() ==
        "xy");
  Script none = event_stream(openai_answer({"x", "y"}));
  none.headers.clear();
  CHECK(run(worker, upstream, "none", none).text() == "xy");
  CHECK(run(worker, upstream, "page", with_type(event_stream(page), "text/event-stream")).outcome() == "bad_response");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 61: event streams are parsed as the WHATWG defines them, however they are split") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 100);
  const std::string plain = openai_answer({"one\n", " two é😀", "three"});
  std::string mixed;
  for (std::size_t i = 0, line = 0; i < plain.size(); ++i) {
    // The order avoids a CR directly before an LF, which would be one line end.
    constexpr std::array kEnds = {"\n", "\r\n", "\r\n", "\r", "\r", "\r\n"};
    mixed += plain[i] == '\n' ? kEnds[line++ % kEnds.size()] : std::string(1, plain[i]);
  }
  // Splits the data before a comma between tokens. The parser joins data lines with a line feed, which is white space
  // there in JSON.
  const std::string multi = replaced(plain, ",\"object\"", "\ndata: ,\"object\"");
  const std::string whole_text = "one\n two é😀three";
  const std::pair<const char*, std::string> forms[] = {
      {"lf", plain},
      {"crlf", replaced(plain, "\n", "\r\n")},
      {"cr", replaced(plain, "\n", "\r")},
      {"mixed", mixed},
      {"bom", "\xEF\xBB\xBF" + plain},
      {"comments", replaced(plain, "data: ", ": a comment\n:\ndata: ")},
      {"nospace", replaced(plain, "data: ", "data:")},
      {"multi", multi},
      {"fields", replaced(plain, "data: ", "id: 7\nretry: 10\nevent: message\nunknown: x\nbare\ndata: ")},
      {"empty", "data\n\ndata:\n\ndata: \n\n" + replaced(plain, "\n\n", "\n\n\n\n")},
      {"unended", plain.substr(0, plain.size() - 2)},
  };
  for (const auto& [name, body] : forms) {
    for (const Cut& cut : {Cut{}, Cut{.mode = Cut::Mode::kBytes}, Cut{.mode = Cut::Mode::kRandom, .seed = 7}}) {
      const std::string id = name + std::to_string(static_cast<int>(cut.mode));
      CAPTURE(id);
      const FrameLog& log = run(worker, upstream, id, event_stream(body, cut));
      CHECK(log.outcome() == "done");
      CHECK(log.text() == whole_text);
      CHECK(log.last().at("data").at("usage").at("totalTokens") == 12);
    }
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 62: an event of 10 MB is delivered, one of 17 MB is event_too_large") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 100);
  for (const std::string& api : {std::string(), std::string("anthropic")}) {
    const auto answer = [&](std::size_t size) {
      const std::string text(size, 'x');
      return api.empty() ? openai_answer({text}) : anthropic_answer({text});
    };
    const FrameLog& large = run(worker, upstream, api + "large", event_stream(answer(10'000'000)), api);
    CHECK(large.outcome() == "done");
    CHECK((large.text() == std::string(10'000'000, 'x')));
    const FrameLog& too_large = run(worker, upstream, api + "too large", event_stream(answer(17 * kMiB)), api);
    CHECK(too_large.outcome() == "event_too_large");
    CHECK(too_large.text().empty());
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 63: a line that never ends is event_too_large at the limit") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 60);
  worker.reset_peak_rss();
  const std::size_t before = worker.rss();
  Script endless = event_stream(text_event("half") + "data: " + std::string(40 * kMiB, 'x'),
                                {.mode = Cut::Mode::kRandom, .max_piece = 2000});
  endless.ending = Ending::kHang;
  endless.end_after = endless.body.size();
  const FrameLog& log = run(worker, upstream, "a", endless);
  CHECK(log.outcome() == "event_too_large");
  CHECK(log.text() == "half");
  CHECK(log.last().at("data").at("partial") == true);
  if (!kSanitized) CHECK(worker.peak_rss() - before <= 3 * 16 * kMiB);
  canary.check();
  CHECK(eventually([&] { return upstream.open_connections() <= 1; }));
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 64: an event that is not JSON is bad_event") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  for (const char* bad : {"{\"choices\":[", "{'a':1}", "hello", "{} {}", "[1,]", "NaN"}) {
    CAPTURE(bad);
    for (const std::string& api : {std::string(), std::string("anthropic")}) {
      const std::string event = std::string("data: ") + bad + "\n\n";
      const std::string whole = api.empty() ? openai_answer({"half"}) : anthropic_answer({"half"});
      const std::size_t place = api.empty() ? whole.rfind("data: {") : whole.find("event: content_block_stop");
      const std::string id = api + bad;
      upstream.answer(api + "x", {event_stream(std::string(whole).insert(place, event))});
      worker.send(upstream.chat(id, api + "x", kOnce));
      const FrameLog& log = worker.end_of(id);
      CHECK(log.outcome() == "bad_event");
      CHECK(log.text() == "half");
      CHECK(log.last().at("data").value("partial", false));
    }
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 65: split characters are joined, invalid UTF-8 is replaced, and every frame is valid UTF-8") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 60);
  const auto raw_event = [](const std::string& inside) {
    return R"(data: {"choices":[{"index":0,"delta":{"content":")" + inside + "\"}}]}\n\n";
  };
  const std::string replacement = "\xEF\xBF\xBD";
  struct Case {
    const char* name;
    std::vector<std::string> pieces;
    std::string expected;
  };
  const Case cases[] = {
      {"joined surrogates", {R"(a\ud83d)", R"(\ude00b)"}, "a😀b"},
      {"lone high", {R"(a\ud83d)", "b"}, "a" + replacement + "b"},
      {"lone low", {R"(a\ude00b)"}, "a" + replacement + "b"},
      {"high at the end", {R"(a\ud83d)"}, "a" + replacement},
      {"raw byte",
       {"a\xff"
        "b"},
       "a" + replacement + "b"},
      {"split character",
       {"a\xe2\x82",
        "\xac"
        "b"},
       "a\xE2\x82\xAC"
       "b"},
  };
  for (const Case& row : cases) {
    for (const Cut& cut : {Cut{}, Cut{.mode = Cut::Mode::kBytes}}) {
      std::string body;
      for (const std::string& piece : row.pieces) body += raw_event(piece);
      const std::string id = row.name + std::to_string(static_cast<int>(cut.mode));
      CAPTURE(id);
      const FrameLog& log = run(worker, upstream, id, event_stream(body + openai_ending(), cut));
      CHECK(log.outcome() == "done");
      CHECK(log.text() == row.expected);
      CHECK(log.last().at("data").at("messages")[0].at("content")[0].at("text") == row.expected);
    }
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 66: an endless stream is response_too_large at 64 MiB") {
  Upstream upstream;
  TestWorker worker;
  auto stream = tools::SyntheticStream::make({.chunks = 1'000'000'000, .event_bytes = 16'384});
  REQUIRE(stream.has_value());
  Canary canary(worker, upstream, 200);
  Script endless = event_stream({});
  endless.stream = *stream;
  const FrameLog& log = run(worker, upstream, "a", endless);
  CHECK(log.outcome() == "response_too_large");
  CHECK(log.last().at("data").at("category") == "limit");
  const std::string text = log.text();
  CHECK(text.size() <= 64 * kMiB);
  CHECK(text.size() >= 60 * kMiB);
  CHECK(text.find_first_not_of(tools::kFillByte) == std::string::npos);
  canary.check();
  CHECK(eventually([&] { return upstream.open_connections() <= 1; }));
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 70: events after the terminator are ignored, late usage counts, and the first finish reason counts") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream);
  const std::string after_done = openai_answer({"good"}) + text_event("bad") + chunk_event(Json::object(), "length") +
                                 "data: {broken\n\n" + openai_ending("content_filter");
  const FrameLog& after = run(worker, upstream, "after", event_stream(after_done));
  CHECK(after.text() == "good");
  CHECK(after.last().at("data").at("finishReason") == "stop");
  CHECK(after.last().at("data").at("usage").at("totalTokens") == 12);

  const std::string two = text_event("good") + chunk_event(Json::object(), "length") + openai_ending("stop");
  const FrameLog& first = run(worker, upstream, "two", event_stream(two));
  CHECK(first.last().at("data").at("finishReason") == "length");
  CHECK(first.last().at("data").at("finishRaw") == "length");

  const std::string anthropic =
      anthropic_answer({"good"}) +
      anthropic_event(
          {{"type", "content_block_delta"}, {"index", 0}, {"delta", {{"type", "text_delta"}, {"text", "bad"}}}}) +
      anthropic_event({{"type", "error"}, {"error", {{"type", "api_error"}, {"message", "x"}}}});
  const FrameLog& stopped = run(worker, upstream, "stopped", event_stream(anthropic), "anthropic");
  CHECK(stopped.outcome() == "done");
  CHECK(stopped.text() == "good");
  CHECK(stopped.last().at("data").at("usage").at("outputTokens") == 5);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

}  // namespace
}  // namespace aiw::e2e
