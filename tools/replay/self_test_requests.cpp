#include <functional>
#include <sstream>
#include <vector>

#include "tools/replay/requests/request_run.hpp"
#include "tools/replay/self_test.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

RecordedRequest sample() {
  return {.id = "sample",
          .api = "openai-chat",
          .provider = "self-hosted",
          .streaming = true,
          .method = "POST",
          .path = "/v1/chat/completions",
          .body = json::parse(R"({"model": "m", "stream": true, "stream_options": {"include_usage": true},
              "temperature": 0.5, "messages": [{"role": "user", "content": "Hi"},
              {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Bye"}]})")};
}

class RequestsTest {
 public:
  RequestsTest(SelfTest& test, std::filesystem::path worker) : test_(test), worker_(std::move(worker)) {}

  void expect(const std::string& what, bool passes, const std::vector<RecordedRequest>& recorded,
              std::vector<AcceptedDifference> accepted = {}) {
    const auto report = run_requests(recorded, {.worker = worker_, .accepted = std::move(accepted)});
    std::ostringstream words;
    if (report) report->print(words);
    test_.check(what, report && report->passed() == passes, words.str());
  }
  void expect_failure(const std::string& what, const std::function<void(RecordedRequest&)>& alter) {
    RecordedRequest altered = sample();
    alter(altered);
    expect("unnoticed: " + what, false, {altered});
  }

 private:
  SelfTest& test_;
  const std::filesystem::path worker_;
};

// Adds a field that the converter does not convert, so that it does not reach the worker.
RecordedRequest with_lost_field(const std::string& id) {
  RecordedRequest altered = sample();
  altered.id = id;
  altered.body["messages"][0]["lost"] = 1;
  return altered;
}

}  // namespace

void test_requests(SelfTest& test, const std::filesystem::path& worker) {
  RequestsTest run(test, worker);
  run.expect("an unaltered request", true, {sample()});
  run.expect_failure("no request at all", [](RecordedRequest& request) { request.api = "no-such-api"; });
  run.expect_failure("another path", [](RecordedRequest& request) { request.path += "?more=1"; });
  run.expect_failure("another method", [](RecordedRequest& request) { request.method = "PUT"; });
  run.expect_failure("a field of a message that does not come through",
                     [](RecordedRequest& request) { request.body["messages"][0]["lost"] = 1; });
  run.expect_failure("an option that is left out",
                     [](RecordedRequest& request) { request.body["model"] = "o3"; });  // takes no temperature
  run.expect_failure("a history that no conversation can have",
                     [](RecordedRequest& request) { request.body["messages"][1]["content"] = ""; });
  run.expect("unnoticed: a request that was not recorded", false, {});

  const AcceptedDifference known{"a", "/messages/0/lost", "a test"};
  run.expect("an accepted difference", true, {with_lost_field("a")}, {known});
  run.expect("unnoticed: another request's difference", false, {with_lost_field("b")}, {known});
  std::vector<RecordedRequest> many;
  std::vector<AcceptedDifference> all_known;
  for (char id = 'a'; id <= 'k'; ++id) {
    many.push_back(with_lost_field(std::string(1, id)));
    all_known.push_back({std::string(1, id), "/messages/0/lost", "a test"});
  }
  run.expect("unnoticed: more accepted differences than an API may have", false, many, all_known);
}

}  // namespace aiw::tools
