// Property tests of the decoder: any bytes give exactly one request, and its contents agree with an independent parser.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "protocol/dialect.hpp"
#include "tests/protocol/decoding.hpp"

using namespace aiw;
using nlohmann::ordered_json;

namespace {

constexpr std::string_view kCanary = "CANARY-7f3a";  // occurs in every text and key of the lines below

// Returns the example requests, and one line that has every field in two odd forms.
std::vector<std::string> valid_lines() {
  std::vector<std::string> lines = {
      R"({"id":"c\u0031","type":"chat","payload":{"system":"CANARY-7f3a \ud83d\ude00","messages":[{"role":"user","content":"CANARY-7f3a é"},)"
      R"({"id":"m","role":"assistant","parts":[{"type":"step-start"},{"type":"text","text":"CANARY-7f3a"},)"
      R"({"type":"tool-x\/y","toolCallId":"t","state":"output-available","input":{"a":[1.5e3,-0,null]},"output":"CANARY-7f3a"},)"
      R"({"type":"dynamic-tool","toolName":"d","toolCallId":"u","state":"output-error","errorText":"CANARY-7f3a"},)"
      R"({"type":"file","url":"data:image\/png;base64,CANARY-7f3a"}]}],"config":{"providers":[{"id":"p","apiKey":"CANARY-7f3a",)"
      R"("headers":{"Authorization":"CANARY-7f3a"}}]},"maxSteps":5,"temperature":0.5,"providerOptions":{"x":{"y":[true]}}}})",
      R"({"id":"x","type":"tool_result","payload":{"chatId":"c","toolCallId":"t","output":{"type":"content","value":)"
      R"([{"type":"text","text":"CANARY-7f3a"},{"type":"image","data":"CANARY-7f3a","mediaType":"image/png"}]}}})",
  };
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(AIW_SOURCE_DIR) / "schemas/examples/requests")) {
    std::ifstream file(entry.path());
    lines.push_back(ordered_json::parse(file).dump());
  }
  return lines;
}

class Mutator {
 public:
  explicit Mutator(std::vector<std::string> lines) : lines_(std::move(lines)) {}

  std::string next() {
    std::string line = lines_[below(lines_.size())];
    for (std::size_t edits = 1 + below(4); edits > 0; --edits) edit(line);
    return line;
  }

 private:
  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_); }

  void edit(std::string& line) {
    static constexpr std::string_view kPieces[] = {"\"",        "\\",
                                                   "{",         "}",
                                                   "[",         "]",
                                                   ":",         ",",
                                                   "null",      "true",
                                                   "1e999",     "-1",
                                                   "\\ud800",   "\\udc00",
                                                   "\\u0000",   "\xFF",
                                                   "\xC3",      "0",
                                                   "[[[",       "\"\"",
                                                   " ",         "{}",
                                                   "\\\\",      "18446744073709551616",
                                                   "\"type\":", "\"id\":\"z\","};
    const std::size_t at = below(line.size() + 1);
    switch (below(6)) {
      case 0: line.insert(at, kPieces[below(std::size(kPieces))]); return;
      case 1: line.erase(at, 1 + below(8)); return;
      case 2: line.insert(at, line.substr(below(line.size() + 1), below(40))); return;
      case 3: line.resize(at); return;
      case 4: line.replace(at, below(6), kPieces[below(std::size(kPieces))]); return;
      default:
        if (at < line.size()) line[at] = static_cast<char>(below(256));
    }
  }

  std::vector<std::string> lines_;
  std::mt19937 random_{20240229};
};

// Checks the properties of every rejection.
void check_rejection(const RejectedLine& rejected) {
  CHECK_FALSE(rejected.error.code.empty());
  CHECK(rejected.error.message.size() < 200);
  CHECK(rejected.error.pointer.size() <= 400);
  CHECK(rejected.error.message.find(kCanary) == std::string::npos);
  for (const auto dialect : {Dialect::v1, Dialect::leanspec}) {
    std::string out;
    if (!make_encoder(dialect)->rejected(out, rejected.id, rejected.is_chat, rejected.error)) continue;
    CHECK(ordered_json::accept(out));
    CHECK(out.find('\n') == out.size() - 1);
  }
}

bool has_repairs(const Request& request) {
  const auto* chat = std::get_if<std::unique_ptr<ChatRequest>>(&request);
  return chat != nullptr && !(*chat)->notes.empty();
}

}  // namespace

TEST_CASE("mutated lines: no crash, no line text in errors, and the same verdict as another parser") {
  Mutator mutator(valid_lines());
  int accepted = 0;
  int rejected = 0;
  int compared = 0;
  for (int i = 0; i < 30'000; ++i) {
    const std::string line = mutator.next();
    CAPTURE(i);
    CAPTURE(line);
    const Request request = test::decode(line);
    const ordered_json other = ordered_json::parse(line, nullptr, false);
    if (const auto* bad = std::get_if<RejectedLine>(&request)) {
      ++rejected;
      check_rejection(*bad);
      if (bad->error.code == "invalid_json" || bad->error.code == "invalid_utf8") CHECK(other.is_discarded());
      continue;
    }
    ++accepted;
    // The other parser rejects lone surrogates, even in members that the decoder skips.
    if (other.is_discarded()) {
      CHECK(line.find("\\u") != std::string::npos);
      continue;
    }
    if (has_repairs(request)) FAIL_CHECK("a repair of what needs none");
    CHECK(test::describe(test::decode(other.dump())) == test::describe(request));
    CHECK(test::describe(test::decode(other.dump(1, ' ', true))) == test::describe(request));
    ++compared;
  }
  CHECK(accepted > 1000);
  CHECK(rejected > 1000);
  CHECK(compared > 1000);
}

TEST_CASE("random bytes are rejected") {
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string line(random() % 40, '\0');
    for (char& c : line) c = static_cast<char>(random());
    const Request request = test::decode(line);
    REQUIRE(std::holds_alternative<RejectedLine>(request));
    check_rejection(std::get<RejectedLine>(request));
  }
}

TEST_CASE("a line decodes to the same request, however its JSON is written") {
  for (const auto& line : valid_lines()) {
    CAPTURE(line);
    const ordered_json expected = test::describe(test::decode(line));
    const ordered_json parsed = ordered_json::parse(line);
    CHECK(test::describe(test::decode(parsed.dump())) == expected);
    CHECK(test::describe(test::decode(parsed.dump(-1, ' ', true))) == expected);
    CHECK(test::describe(test::decode(" \t" + parsed.dump(2, '\t') + "\r ")) == expected);
    CHECK(expected.at("is") == parsed.at("type"));
  }
}

TEST_CASE("truncated or extended lines are rejected") {
  for (const auto& line : valid_lines()) {
    CAPTURE(line);
    for (std::size_t length = 0; length < line.size(); ++length) {
      if (!std::holds_alternative<RejectedLine>(test::decode(line.substr(0, length)))) FAIL("cut at ", length);
    }
    CHECK(std::holds_alternative<RejectedLine>(test::decode(line + "}")));
    CHECK(std::holds_alternative<RejectedLine>(test::decode(line + line)));
  }
}
