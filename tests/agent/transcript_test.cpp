#include "worker/agent/transcript.hpp"

#include <doctest/doctest.h>

#include "protocol/decode.hpp"

using namespace aiw;

namespace {

std::string text_of(const Message& message) { return std::get<TextPart>(message.parts.at(0)).text.text(); }

std::string added(const Transcript& transcript) {
  Rope out;
  transcript.write_added(out);
  return out.str();
}

}  // namespace

TEST_CASE("what a step adds is read like the history, and stays where it is") {
  auto line = std::make_shared<std::string>(R"([{"role":"user","content":"one"}])");
  Transcript transcript(decode_messages(*line), line);
  line.reset();
  CHECK(!transcript.grew());
  CHECK(added(transcript).empty());
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

TEST_CASE("what was added comes without the history") {
  Transcript transcript({}, nullptr);
  transcript.add(R"([{"role":"assistant","content":"a"}])");
  transcript.add(R"([{"role":"tool","content":[]},{"role":"user","content":"b"}])");
  const std::string both =
      R"({"role":"assistant","content":"a"},{"role":"tool","content":[]},{"role":"user","content":"b"})";
  CHECK(added(transcript) == both);
}
