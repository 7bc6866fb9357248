#include <functional>
#include <sstream>
#include <vector>

#include "tools/replay/corpus_run.hpp"
#include "tools/replay/self_test.hpp"

namespace aiw::tools {

using nlohmann::json;

void SelfTest::check(const std::string& what, bool is_right, const std::string& detail) {
  ++checks_;
  if (is_right) return;
  ++wrong_;
  out_ << "wrong: " << what << '\n' << detail;
}

void SelfTest::print_total() const { out_ << checks_ << " checks, " << wrong_ << " wrong\n"; }

namespace {

// Replacement of one expected value.
struct Alteration {
  const char* id;
  const char* pointer;  // relative to `expected`
  json value;
};

std::vector<Alteration> alterations() {
  const json call = {{"id", "call_z"}, {"name", "clock"}, {"arguments", json::object()}};
  return {
      {"openai-text", "/text", "Grüß dich"},
      {"openai-text", "/text", ""},
      {"openai-text", "/reasoning", "Short greeting"},
      {"openai-text", "/refusal", "No."},
      {"openai-text", "/tool_calls", json::array({call})},
      {"openai-text", "/finish", "length"},
      {"openai-text", "/finish", nullptr},
      {"openai-text", "/usage/input", 41},
      {"openai-text", "/usage/input", nullptr},
      {"openai-text", "/usage/output", 18},
      {"openai-text", "/usage/cache_read", 0},
      {"openai-text", "/usage/cache_write", 1},
      {"openai-text", "/usage/reasoning", nullptr},
      {"openai-text", "/usage", nullptr},
      {"openai-text", "/error", {{"message", "An error."}, {"code", "x"}}},
      {"openai-refusal", "/refusal", "I will not do it."},
      {"openai-refusal", "/refusal", ""},
      {"openai-tools", "/tool_calls/0/id", "call_x"},
      {"openai-tools", "/tool_calls/0/name", "rivers"},
      {"openai-tools", "/tool_calls/0/arguments", {{"name", "Duero"}}},
      {"openai-tools", "/tool_calls/0/arguments/more", 1},
      {"openai-tools", "/tool_calls/1/arguments", {{"zone", "UTC"}}},
      {"openai-tools", "/tool_calls/1/id", "call_a"},
      {"openai-tools", "/tool_calls/2", call},
      {"openai-tools", "/tool_calls", json::array()},
      {"openai-tools", "/finish", "stop"},
      {"openai-error", "/error/http_status", 400},
      {"openai-error", "/error/message", "The model exists."},
      {"openai-error", "/error/retryable", true},
      {"openai-error", "/error", nullptr},
      {"anthropic-text", "/text", "One moment"},
      {"anthropic-text", "/reasoning", ""},
      {"anthropic-text", "/tool_calls/0/arguments/name", "Duero"},
      {"anthropic-text", "/usage/cache_write", 30},
      {"anthropic-length", "/finish", "stop"},
      {"anthropic-stream-error", "/text", "It was a dark"},
      {"anthropic-stream-error", "/error/message", "Busy"},
      {"anthropic-stream-error", "/error/type", "api_error"},
      {"anthropic-stream-error", "/error/http_status", 529},
      {"anthropic-stream-error", "/error", nullptr},
      {"anthropic-overloaded", "/error/type", "api_error"},
  };
}

CorpusCase& case_of(Corpus& corpus, const std::string& id) {
  for (auto& recorded : corpus.cases) {
    if (recorded.id == id) return recorded;
  }
  return corpus.cases.front();
}

class CorpusTest {
 public:
  CorpusTest(SelfTest& test, const Corpus& corpus, std::filesystem::path worker)
      : test_(test), corpus_(corpus), worker_(std::move(worker)) {}

  void expect_pass(const std::string& what, const Cut& cut) {
    const auto [passed, words] = run(corpus_, cut, {});
    test_.check(what, passed, words);
  }
  void expect_failure(const std::string& what, const std::function<void(Corpus&)>& alter) {
    Corpus altered = corpus_;
    alter(altered);
    test_.check("unnoticed: " + what, !run(altered, {}, {}).passed);
  }
  // An accepted difference applies only to its own field of its own case.
  void test_accepted() {
    Corpus altered = corpus_;
    case_of(altered, "openai-text").expected["expected"]["usage"]["output"] = 18;
    test_.check("an accepted difference", run(altered, {}, {{"openai-text", "usage", "a test"}}).passed);
    test_.check("unnoticed: another field", !run(altered, {}, {{"openai-text", "text", "a test"}}).passed);
    test_.check("unnoticed: another case", !run(altered, {}, {{"openai-tools", "usage", "a test"}}).passed);
    case_of(altered, "openai-text").expected["accept"]["usage"]["output"] = {17};
    test_.check("a value of the accept list", run(altered, {}, {}).passed);
    test_zero();
  }

 private:
  // null matches a zero that the SDKs added, but not a zero on the wire.
  void test_zero() {
    Corpus altered = corpus_;
    json& expected = case_of(altered, "openai-text").expected["expected"];
    expected["usage"]["cache_write"] = 0;
    test_.check("a zero that is not on the wire", run(altered, {}, {}).passed);
    expected["usage_raw"]["cache_creation_input_tokens"] = 0;
    test_.check("unnoticed: null for a zero of the wire", !run(altered, {}, {}).passed);
  }

  struct Result {
    bool passed = false;
    std::string words;
  };

  Result run(const Corpus& corpus, const Cut& cut, std::vector<AcceptedDifference> accepted) {
    const auto report = run_corpus(corpus, {.worker = worker_, .cut = cut, .accepted = std::move(accepted)});
    if (!report) return {false, report.error() + "\n"};
    std::ostringstream words;
    report->print(words);
    return {report->passed(), words.str()};
  }

  SelfTest& test_;
  const Corpus& corpus_;
  const std::filesystem::path worker_;
};

}  // namespace

void test_corpus(SelfTest& test, const std::filesystem::path& folder, const std::filesystem::path& worker) {
  const auto corpus = load_corpus(folder, {});
  test.check("loading " + folder.string(), corpus.has_value(), corpus ? "" : corpus.error() + "\n");
  if (!corpus) return;
  CorpusTest run(test, *corpus, worker);
  run.expect_pass("unaltered cases, whole", {});
  run.expect_pass("unaltered cases, cut at random", {.mode = Cut::Mode::kRandom});
  run.expect_pass("unaltered cases, byte by byte", {.mode = Cut::Mode::kBytes});
  for (const auto& alteration : alterations()) {
    const std::string what = std::string(alteration.id) + " " + alteration.pointer + " " + alteration.value.dump();
    run.expect_failure(what, [&](Corpus& altered) {
      const json::json_pointer pointer(alteration.pointer);
      case_of(altered, alteration.id).expected["expected"][pointer] = alteration.value;
    });
  }
  run.expect_failure("a case fewer than listed", [](Corpus& altered) { altered.cases.pop_back(); });
  run.expect_failure("a case more than listed", [](Corpus& altered) { --altered.listed["openai-chat"]; });
  run.expect_failure("an API without cases", [](Corpus& altered) { altered.listed["cohere-chat"] = 0; });
  run.expect_failure("no case at all", [](Corpus& altered) { altered = {}; });
  run.expect_failure("an answer cut short", [](Corpus& altered) {
    std::string& body = case_of(altered, "openai-text").response.body;
    body.resize(body.size() / 2);
  });
  run.test_accepted();
}

}  // namespace aiw::tools
