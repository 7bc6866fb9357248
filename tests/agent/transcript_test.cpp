#include "worker/agent/transcript.hpp"

#include <doctest/doctest.h>

#include "protocol/decode.hpp"

using namespace aiw;

namespace {

std::string text_of(const Message& message) { return std::get<TextPart>(message.parts.at(0)).text.text(); }

}  // namespace

TEST_CASE("what a step adds is read like the history, and stays where it is") {
  auto line = std::make_shared<std::string>(R"([{"role":"user","content":"one"}])");
  Transcript transcript(decode_messages(*line), line);
  line.reset();
  CHECK(!transcript.grew());
  CHECK(transcript.added() == "[]");
  for (int i = 0; i < 50; ++i) {
    transcript.add(R"([{"role":"assistant","content":[{"type":"text","text":")" + std::to_string(i) + R"("}]}])");
  }
  CHECK(transcript.grew());
  REQUIRE(transcript.messages().size() == 51);
  CHECK(text_of(transcript.messages()[0]) == "one");
  CHECK(transcript.messages()[0].role == Role::user);
  for (int i = 0; i < 50; ++i)
    CHECK(text_of(transcript.messages()[static_cast<std::size_t>(i) + 1]) == std::to_string(i));
}

TEST_CASE("what was added is one array, without the history") {
  Transcript transcript({}, nullptr);
  CHECK(transcript.added("[]") == "[]");
  CHECK(transcript.added(R"([{"role":"assistant","content":[]}])") == R"([{"role":"assistant","content":[]}])");
  transcript.add(R"([{"role":"assistant","content":"a"}])");
  transcript.add(R"([{"role":"tool","content":[]},{"role":"user","content":"b"}])");
  const std::string both =
      R"({"role":"assistant","content":"a"},{"role":"tool","content":[]},{"role":"user","content":"b"})";
  CHECK(transcript.added() == "[" + both + "]");
  CHECK(transcript.added("[]") == "[" + both + "]");
  CHECK(transcript.added(R"([{"role":"assistant","content":"c"}])") ==
        "[" + both + R"(,{"role":"assistant","content":"c"}])");
}
