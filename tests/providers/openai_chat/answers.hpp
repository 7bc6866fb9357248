// Chat Completions answers put together for tests, each decoded at every cut.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/providers/corpus.hpp"
#include "worker/providers/wire_apis.hpp"

namespace aiw::testing::chat {

inline std::string sse(const std::vector<std::string>& events) {
  std::string out;
  for (std::string event : events) {
    for (std::size_t at = 0; (at = event.find('\n', at)) != std::string::npos; ++at) event.replace(at, 1, "\ndata: ");
    out += "data: " + event + "\n\n";
  }
  return out;
}

inline std::string choice(const std::string& delta, const std::string& finish = "null") {
  return R"({"id":"c","choices":[{"index":0,"delta":)" + delta + R"(,"finish_reason":)" + finish + "}]}";
}

inline const std::string kStop = choice("{}", "\"stop\"");
inline const std::string kCalls = choice("{}", "\"tool_calls\"");
inline const std::string kDone = "[DONE]";

inline RecordingSink decode(const std::string& body, BodyFormat format = BodyFormat::stream) {
  for (const auto& difference : aiw::testing::cut_differences(openai_chat::kApi, format, body)) FAIL_CHECK(difference);
  auto sink = aiw::testing::decode(openai_chat::kApi, format, body);
  for (const auto& violation : sink.violations) FAIL_CHECK(violation);
  return sink;
}

inline RecordingSink stream(std::vector<std::string> events) { return decode(sse(events)); }

inline std::string text(const RecordingSink& sink) { return sink.text_of(ContentKind::text); }

}  // namespace aiw::testing::chat
