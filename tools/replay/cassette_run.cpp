#include "tools/replay/cassette_run.hpp"

#include <algorithm>

#include "tools/replay/chat_player.hpp"
#include "tools/replay/worker_driver.hpp"
#include "tools/support/upstream_server.hpp"

namespace aiw::tools {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

bool may_come_unexpected(const std::string& type) {
  return type == "usage" || type == "warning" || type == "heartbeat";
}

// Removes timings, because they differ in every run.
json without_timing(json event) {
  if (event.contains("data") && event["data"].is_object()) event["data"].erase("timing");
  return event;
}

// Sends the n-th exchange's response to the n-th request.
class CassetteUpstream {
 public:
  explicit CassetteUpstream(const std::vector<Exchange>& exchanges) : exchanges_(exchanges) {}

  Script operator()(const Request&) {
    const std::size_t index = served_++;
    if (index < exchanges_.size()) return exchanges_[index].response;
    return json_script(500, R"({"error":{"message":"the cassette has no further exchange"}})");
  }

 private:
  const std::vector<Exchange>& exchanges_;
  std::size_t served_ = 0;  // used on the server's thread only
};

void check_request(const std::string& at, const RequestExpectation& expected, const Request& actual,
                   std::vector<Difference>& out) {
  if (expected.method && *expected.method != actual.method) {
    out.push_back(difference(at + ".method", *expected.method, actual.method));
  }
  if (expected.path && *expected.path != actual.target) {
    out.push_back(difference(at + ".path", *expected.path, actual.target));
  }
  if (expected.body.is_null()) return;
  const json body = json::parse(actual.body, nullptr, false);
  if (body.is_discarded()) {
    out.push_back({at + ".body", "JSON", "no JSON"});
  } else {
    match_subset(at + ".body", expected.body, body, out);
  }
}

void check_requests(const std::vector<Exchange>& expected, const std::vector<Request>& actual,
                    std::vector<Difference>& out) {
  if (expected.size() != actual.size()) {
    out.push_back(difference("number of requests", expected.size(), actual.size()));
  }
  for (std::size_t i = 0; i < std::min(expected.size(), actual.size()); ++i) {
    check_request("exchange[" + std::to_string(i) + "].request", expected[i].request, actual[i], out);
  }
}

// Replaces keys with placeholders: a replay needs no keys, and the machine may not have them.
void replace_keys(ordered_json& provider) {
  provider["apiKey"] = "replay-key";
  if (!provider.contains("headers") || !provider["headers"].is_object()) return;
  for (auto& [name, value] : provider["headers"].items()) {
    if (value.is_string() && value.get_ref<const std::string&>().starts_with("${")) value = "replay-header";
  }
}

std::string line_for(const Cassette& cassette, const std::string& upstream) {
  std::vector<std::string> urls;
  ordered_json request = cassette.request;
  for (const auto& provider : provider_urls(request)) {
    if (!provider.base_url.empty()) replace_keys(request["payload"]["config"]["providers"][urls.size()]);
    urls.push_back(provider.base_url.empty() ? std::string() : upstream + url_path(provider.base_url));
  }
  return redirected(std::move(request), urls).dump();
}

}  // namespace

void match_events(const std::vector<json>& expected, const std::vector<json>& actual, std::vector<Difference>& out) {
  std::size_t next = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const json want = without_timing(expected[i]);
    const std::string at = "event[" + std::to_string(i) + "] " + want.value("type", "");
    while (next < actual.size() && actual[next].value("type", "") != want.value("type", "") &&
           may_come_unexpected(actual[next].value("type", ""))) {
      ++next;
    }
    if (next == actual.size()) {
      out.push_back(difference(at, want, "(no further event)"));
      return;
    }
    const json& have = actual[next++];
    if (have.value("type", "") != want.value("type", "")) return out.push_back(difference(at, want, have));
    match_subset(at, want, have, out);
  }
  for (; next < actual.size(); ++next) {
    if (may_come_unexpected(actual[next].value("type", ""))) continue;
    return out.push_back(difference("after the last event", "(no further event)", actual[next]));
  }
}

ordered_json redirected(ordered_json request, const std::vector<std::string>& base_urls) {
  for (std::size_t i = 0; i < base_urls.size(); ++i) {
    if (base_urls[i].empty()) continue;
    ordered_json& provider = request["payload"]["config"]["providers"][i];
    provider.erase("baseURL");
    provider["baseUrl"] = base_urls[i];
  }
  return request;
}

std::expected<CassetteReport, std::string> run_cassette(const Cassette& cassette, const CassetteOptions& options) {
  auto upstream = UpstreamServer::start(CassetteUpstream(cassette.exchanges));
  if (!upstream) return std::unexpected(upstream.error());
  auto driver = WorkerDriver::start(options.worker, options.frames);
  if (!driver) return std::unexpected(driver.error());
  const std::string line = line_for(cassette, (*upstream)->url());
  PlayedChat played = play_chat(**driver, cassette.id(), line, cassette.inputs, options.silence);
  (*driver)->finish();

  CassetteReport report;
  report.problems = std::move(played.problems);
  for (const auto& violation : played.log.violations()) report.problems.push_back("broken promise: " + violation);
  for (const auto& problem : (*driver)->problems()) report.problems.push_back(problem);
  check_requests(cassette.exchanges, (*upstream)->requests(), report.differences);
  match_events(cassette.expected, merge_events(played.log.frames()), report.differences);
  return report;
}

}  // namespace aiw::tools
