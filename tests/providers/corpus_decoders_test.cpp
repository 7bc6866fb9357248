// The decoders on all recorded traffic of their APIs.
#include <doctest/doctest.h>

#include <fstream>
#include <map>

#include "tests/providers/corpus.hpp"

using namespace aiw;
using namespace aiw::testing;

namespace {

// Expectations that a correct decoder need not meet, with the reason.
const std::map<std::string, std::string>& excused() {
  static const std::map<std::string, std::string> kReasons = {
      {"8aba2a3983142b67", "two responses in one recording: call ids differ under one index, so we see two calls"},
      {"0475453fa550d139", "several responses in one recording: the answer ends with the first message_stop"},
      {"6b0374d9091b86d6", "several responses in one recording"},
      {"d53cfa267668f184", "several responses in one recording"},
      {"b06c94e5e998aa92", "several responses in one recording: the answer ends with the first response.completed"},
      {"f57104e0868998a1", "several responses in one recording"},
      {"257498295e179cdd", "the price says that reasoning was billed beside completion_tokens"},
      {"a23ec5aa24a3ff4a", "the price says that reasoning was billed beside completion_tokens"},
      {"e61007bae7f00b61", "the price says that reasoning was billed beside completion_tokens"},
      {"eed33391acf346a7", "the price says that reasoning was billed beside completion_tokens"},
      {"413427e630145951", "the price says that reasoning was billed beside completion_tokens"},
      {"6d79aa66a2da0c82", "the price says that reasoning was billed beside completion_tokens"},
      {"b82ef04c82c5585c", "the price says that reasoning was billed beside completion_tokens"},
      {"4b3628151357a9d4", "text_tokens says that prompt_tokens leaves cached tokens out"},
      {"4c5ab37b32fb84f2", "text_tokens says that prompt_tokens leaves cached tokens out"},
      {"b94bba962ee199c5", "text_tokens says that prompt_tokens leaves cached tokens out"},
      {"dcc81ce729ee49ec", "text_tokens says that prompt_tokens leaves cached tokens out"},
      {"60f9828850ff205d", "the reasoning stands in reasoning_details only"},
      {"93c960430a77c5d9", "the same, and a complete call without a finish reason"},
      {"ebc5958a87a85173", "the reason of the provider behind the gateway is in the message, too"},
      {"354a96dae45ac13f", "shortened by hand: the deltas are not the beginning of the text that all ends have"},
      {"432ec6694ab8c69a", "lost most of its deltas: the text is shown whole, as its ends have it"}};
  return kReasons;
}

std::size_t listed(const std::filesystem::path& root, std::string_view api) {
  std::ifstream index(root / "index.jsonl");
  std::size_t count = 0;
  for (std::string line; std::getline(index, line);) count += nlohmann::json::parse(line).at("api") == api;
  return count;
}

RecordingSink run(const WireApi& api, const CorpusCase& test_case) {
  if (test_case.head.status == 200) {
    return decode(api, test_case.streaming ? BodyFormat::stream : BodyFormat::unary, test_case.body);
  }
  RecordingSink sink;
  sink.fail(api.http_error(test_case.head, test_case.body));
  return sink;
}

void check_cuts(const WireApi& api, const CorpusCase& test_case) {
  if (test_case.head.status != 200) return;
  const BodyFormat format = test_case.streaming ? BodyFormat::stream : BodyFormat::unary;
  // A unary decoder only collects until the end: a few cuts tell as much as all.
  const std::size_t exhaustive = test_case.streaming ? 8192 : 0;
  for (const auto& difference : cut_differences(api, format, test_case.body, exhaustive)) {
    FAIL_CHECK(test_case.id << " " << difference);
  }
}

void run_api(std::string_view name, Api api) {
  const auto root = corpus_root();
  if (!root) {
    MESSAGE("skipped: the corpus is not there (AIW_CORPUS)");
    return;
  }
  const WireApi* wire = wire_api(api);
  REQUIRE(wire != nullptr);
  std::map<std::string, int> counts;
  std::size_t ran = 0;
  for (const auto& test_case : load_corpus(*root, name)) {
    ++ran;
    const auto differences = expectation_differences(test_case, run(*wire, test_case));
    const auto reason = excused().find(test_case.id);
    for (const auto& difference : differences) {
      if (reason == excused().end()) FAIL_CHECK(test_case.id << " " << test_case.provider << " " << difference);
    }
    ++counts[differences.empty() ? "equal" : reason == excused().end() ? "different" : "excused"];
    check_cuts(*wire, test_case);
  }
  CHECK(ran > 0);
  CHECK(ran == listed(*root, name));
  MESSAGE(name << ": " << ran << " cases, " << counts["equal"] << " equal, " << counts["excused"] << " excused, "
               << counts["different"] << " different");
}

}  // namespace

// A test case each: what breaks one off leaves the others to run.
#define CORPUS_TEST(name, api) \
  TEST_CASE(name ": every recorded exchange decodes to what is expected, however it is cut") { run_api(name, api); }

CORPUS_TEST("openai-chat", Api::openai_chat)
CORPUS_TEST("anthropic-messages", Api::anthropic_messages)
CORPUS_TEST("cohere-chat", Api::cohere_chat)
CORPUS_TEST("ollama-chat", Api::ollama_chat)
CORPUS_TEST("ollama-generate", Api::ollama_generate)
CORPUS_TEST("openai-completions", Api::openai_completions)
CORPUS_TEST("gemini-generate", Api::gemini_generate)
CORPUS_TEST("bedrock-converse", Api::bedrock_converse)
CORPUS_TEST("bedrock-invoke", Api::bedrock_invoke)
CORPUS_TEST("openai-responses", Api::openai_responses)
