#include <algorithm>
#include <functional>

#include "tools/replay/cassette_run.hpp"
#include "tools/replay/record.hpp"
#include "tools/replay/self_test.hpp"
#include "tools/support/upstream_server.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

struct Played {
  bool passed = false;
  std::string words;
};

Played play(const Cassette& cassette, const std::filesystem::path& worker) {
  const auto report = run_cassette(cassette, {.worker = worker, .silence = std::chrono::seconds{10}});
  if (!report) return {false, report.error() + "\n"};
  Played played{report->passed(), {}};
  for (const auto& difference : report->differences) played.words += to_text(difference);
  for (const auto& problem : report->problems) played.words += "    " + problem + "\n";
  return played;
}

using Alter = std::function<void(Cassette&)>;

json& expected_data(Cassette& cassette, const std::string& type) {
  const auto found = std::ranges::find_if(cassette.expected, [&](const json& e) { return e.at("type") == type; });
  return found == cassette.expected.end() ? cassette.expected.front()["data"] : (*found)["data"];
}

// Alterations that apply to any cassette.
std::vector<std::pair<const char*, Alter>> alterations() {
  return {
      {"a member of the last event", [](Cassette& c) { c.expected.back()["data"]["finishReason"] = "nothing"; }},
      {"a member that no event has", [](Cassette& c) { c.expected.front()["data"]["no-such-member"] = 1; }},
      {"the type of an event", [](Cassette& c) { c.expected.front()["type"] = "file"; }},
      {"an event left out", [](Cassette& c) { c.expected.pop_back(); }},
      {"an event too many", [](Cassette& c) { c.expected.push_back(c.expected.back()); }},
      {"the order of events", [](Cassette& c) { std::swap(c.expected.front(), c.expected.back()); }},
      {"the request's method", [](Cassette& c) { c.exchanges.front().request.method = "GET"; }},
      {"the request's path", [](Cassette& c) { c.exchanges.front().request.path = "/elsewhere"; }},
      {"the request's body", [](Cassette& c) { c.exchanges.front().request.body = {{"model", "another"}}; }},
      {"a request that is not made", [](Cassette& c) { c.exchanges.push_back(c.exchanges.back()); }},
      {"the answer's status", [](Cassette& c) { c.exchanges.front().response.status = 418; }},
  };
}

void test_cassette(SelfTest& test, const Cassette& cassette, const std::filesystem::path& worker) {
  const Played whole = play(cassette, worker);
  test.check(cassette.name, whole.passed, whole.words);
  for (const auto& [what, alter] : alterations()) {
    Cassette altered = cassette;
    alter(altered);
    test.check("unnoticed: " + std::string(what) + " in " + cassette.name, !play(altered, worker).passed);
  }
  const bool has_delta = std::ranges::any_of(cassette.expected, [](const json& e) { return e.at("type") == "delta"; });
  if (!has_delta) return;
  Cassette altered = cassette;
  expected_data(altered, "delta")["text"] = "another text";
  test.check("unnoticed: a delta's text in " + cassette.name, !play(altered, worker).passed);
}

constexpr const char* kCanary = "sk-canary-0123456789abcdef";
constexpr const char* kHeaderCanary = "header-canary-0123456789";

// Careless provider that echoes the key in a header, a cookie and the response body.
Script careless_provider(const Request& request) {
  const bool has_key = request.header("authorization") == std::string("Bearer ") + kCanary &&
                       request.header("x-team-token") == kHeaderCanary;
  if (!has_key) return json_script(401, R"({"error":{"message":"no key","code":"invalid_api_key"}})");
  const json chunk = {{"id", "c"},
                      {"choices", {{{"index", 0}, {"delta", {{"content", std::string("Key ") + kCanary}}}}}}};
  const json last = {{"id", "c"}, {"choices", {{{"index", 0}, {"delta", json::object()}, {"finish_reason", "stop"}}}}};
  Script script;
  script.headers = {{"content-type", "text/event-stream"},
                    {"set-cookie", std::string("session=") + kCanary},
                    {"x-request-id", std::string("req-") + kCanary},
                    {"openai-organization", "org-canary"}};
  script.body = "data: " + chunk.dump() + "\n\ndata: " + last.dump() + "\n\ndata: [DONE]\n\n";
  return script;
}

Cassette canary_request(const std::string& base_url) {
  const json provider = {{"id", "live"},
                         {"type", "openai-chat"},
                         {"baseUrl", base_url + "/v1"},
                         {"apiKey", kCanary},
                         {"headers", {{"X-Team-Token", kHeaderCanary}}},
                         {"models", {{{"id", "m"}}}}};
  Cassette request;
  request.name = "recorded";
  request.request = {{"id", "c1"},
                     {"type", "chat"},
                     {"payload",
                      {{"config", {{"providers", {provider}}}},
                       {"model", "live/m"},
                       {"messages", {{{"role", "user"}, {"content", std::string("Is it ") + kCanary + "?"}}}},
                       {"retry", {{"max", 0}}}}}};
  return request;
}

}  // namespace

void test_cassettes(SelfTest& test, const std::filesystem::path& folder, const std::filesystem::path& worker) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jsonl") continue;
    const auto cassette = load_cassette(entry.path());
    test.check("loading " + entry.path().string(), cassette.has_value(), cassette ? "" : cassette.error() + "\n");
    if (cassette) test_cassette(test, *cassette, worker);
    ++count;
  }
  test.check("cassettes in " + folder.string(), count > 0);
}

void test_recording(SelfTest& test, const std::filesystem::path& worker) {
  auto provider = UpstreamServer::start(careless_provider);
  test.check("the provider's start", provider.has_value());
  if (!provider) return;
  const auto text = record_cassette(canary_request((*provider)->url()), worker);
  test.check("recording", text.has_value(), text ? "" : text.error() + "\n");
  if (!text) return;
  for (const char* secret : {kCanary, kHeaderCanary, "org-canary", "set-cookie", "session="}) {
    test.check(std::string(secret) + " is in the recording", text->find(secret) == std::string::npos);
  }
  const auto cassette = parse_cassette("recorded", *text);
  test.check("parsing the recording", cassette.has_value(), cassette ? "" : cassette.error() + "\n");
  if (!cassette) return;
  test.check("the provider saw the key",
             cassette->exchanges.size() == 1 && cassette->exchanges[0].response.status == 200, *text);
  test_cassette(test, *cassette, worker);
}

}  // namespace aiw::tools
