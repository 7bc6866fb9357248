#include "tools/replay/corpus_run.hpp"

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <optional>
#include <set>
#include <unordered_map>

#include "tools/replay/worker_driver.hpp"
#include "tools/support/upstream_server.hpp"

namespace aiw::tools {

using nlohmann::json;
using Steady = std::chrono::steady_clock;

namespace {

// Timeout without output: no recorded case takes long to decode, so a silent worker has lost it.
constexpr std::chrono::seconds kSilence{30};
constexpr std::string_view kPrefix = "/case/";

// Returns the base URL path below which the API's paths begin.
std::string_view base_path(std::string_view api) {
  if (api.starts_with("openai-")) return "/v1";
  if (api.starts_with("gemini-")) return "/v1beta";
  return "";
}

json declared_tools(const json& expected) {
  std::set<std::string> names;
  for (const auto& call : expected.value("tool_calls", json::array())) names.insert(call.at("name").get<std::string>());
  json tools = json::array();
  for (const auto& name : names) {
    // Returned calls end the chat, so that one recorded response is one chat.
    tools.push_back({{"name", name}, {"inputSchema", {{"type", "object"}}}, {"executor", "return"}});
  }
  // Client-side calls that are not function calls: a shell, a custom tool.
  const json others = expected.value("other_client_tools", json());
  for (const auto& call : others) {
    const std::string type = call.at("type");
    const std::string name = call.value("name", type.substr(0, type.rfind("_call")));
    tools.push_back({{"name", name}, {"definition", {{"type", type}}}, {"executor", "return"}});
  }
  return tools;
}

std::string chat_line(const CorpusCase& recorded, const std::string& upstream) {
  const json provider = {
      {"id", "replay"},
      {"name", "Replay"},
      {"type", recorded.api},
      {"baseUrl", upstream + std::string(kPrefix) + recorded.id + std::string(base_path(recorded.api))},
      {"apiKey", "replay-key"},
      {"models", {{{"id", "recorded"}, {"name", "Recorded"}}}}};
  json payload = {{"config", {{"providers", {provider}}}},
                  {"model", "replay/recorded"},
                  {"messages", {{{"role", "user"}, {"content", "Go on."}}}},
                  {"retry", {{"max", 0}}},
                  {"stream", {{"upstream", recorded.streaming}}}};
  const json tools = declared_tools(recorded.expected.at("expected"));
  if (!tools.empty()) payload["tools"] = tools;
  return json{{"id", recorded.id}, {"type", "chat"}, {"payload", payload}}.dump();
}

// Serves each case below its own path.
class RecordedUpstream {
 public:
  RecordedUpstream(const Corpus& corpus, const Cut& cut) : cut_(cut) {
    for (const auto& recorded : corpus.cases) by_id_.emplace(recorded.id, &recorded);
  }

  Script operator()(const Request& request) const {
    std::string_view path = request.path();
    if (!path.starts_with(kPrefix)) return json_script(404, R"({"error":{"message":"no such case"}})");
    path.remove_prefix(kPrefix.size());
    const auto found = by_id_.find(std::string(path.substr(0, path.find('/'))));
    if (found == by_id_.end()) return json_script(404, R"({"error":{"message":"no such case"}})");
    Script script = found->second->response;
    script.cut = cut_;
    // Each case gets its own cuts, and the same cuts in every run.
    script.cut.seed = cut_.seed ^ std::hash<std::string>{}(found->first);
    return script;
  }

 private:
  const Cut cut_;
  std::unordered_map<std::string, const CorpusCase*> by_id_;
};

class CorpusRun {
 public:
  CorpusRun(const Corpus& corpus, const CorpusRunOptions& options, WorkerDriver& driver, std::string upstream)
      : corpus_(corpus), options_(options), driver_(driver), upstream_(std::move(upstream)) {}

  void run() {
    send_more();
    while (ended_ < sent_) {
      const auto frame = driver_.next(kSilence);
      if (!frame) break;
      if (add(*frame)) send_more();
    }
    driver_.finish();
  }

  CorpusReport report() const {
    CorpusReport report;
    report.listed = corpus_.listed;
    report.problems = driver_.problems();
    for (const auto& recorded : corpus_.cases) report.cases.push_back(report_of(recorded));
    if (!stray_.empty()) report.problems.push_back(std::to_string(stray_.size()) + " frames of no known chat");
    return report;
  }

 private:
  void send_more() {
    while (sent_ < corpus_.cases.size() && sent_ - ended_ < options_.jobs) {
      const CorpusCase& recorded = corpus_.cases[sent_++];
      logs_.try_emplace(recorded.id);
      if (!driver_.send(chat_line(recorded, upstream_))) return;
    }
  }

  // Returns true if the frame ended a chat.
  bool add(const json& frame) {
    const auto& id = frame.at("id");
    const auto found = id.is_string() ? logs_.find(id.get<std::string>()) : logs_.end();
    if (found == logs_.end()) {
      if (frame.at("type") != "ready") stray_.push_back(frame);
      return false;
    }
    const bool had_ended = found->second.ended();
    found->second.add(frame);
    if (had_ended || !found->second.ended()) return false;
    ++ended_;
    show_progress();
    return true;
  }

  void show_progress() {
    if (!options_.show_progress || Steady::now() < next_progress_) return;
    next_progress_ = Steady::now() + std::chrono::seconds{1};
    std::cerr << "replay: " << ended_ << " of " << corpus_.cases.size() << " cases\n";
  }

  [[nodiscard]] CaseReport report_of(const CorpusCase& recorded) const {
    CaseReport report;
    report.recorded = &recorded;
    const auto found = logs_.find(recorded.id);
    if (found == logs_.end() || !found->second.ended()) return report;
    report.ran = true;
    report.violations = found->second.violations();
    Comparison comparison = compare(recorded.expected, found->second.outcome());
    report.alternatives = std::move(comparison.alternatives);
    for (auto& difference : comparison.differences) {
      if (const auto* accepted = find_accepted(recorded.id, difference.field)) {
        report.reasons.push_back(accepted->reason);
        report.accepted.push_back(std::move(difference));
      } else {
        report.differences.push_back(std::move(difference));
      }
    }
    return report;
  }

  [[nodiscard]] const AcceptedDifference* find_accepted(const std::string& id, const std::string& field) const {
    for (const auto& accepted : options_.accepted) {
      if (accepted.id != id || !field.starts_with(accepted.field)) continue;
      const std::string_view rest = std::string_view(field).substr(accepted.field.size());
      if (rest.empty() || rest.front() == '.' || rest.front() == '[') return &accepted;
    }
    return nullptr;
  }

  const Corpus& corpus_;
  const CorpusRunOptions& options_;
  WorkerDriver& driver_;
  const std::string upstream_;
  std::unordered_map<std::string, ChatLog> logs_;
  std::vector<json> stray_;
  std::size_t sent_ = 0;
  std::size_t ended_ = 0;
  Steady::time_point next_progress_ = Steady::now() + std::chrono::seconds{1};
};

}  // namespace

std::expected<CorpusReport, std::string> run_corpus(const Corpus& corpus, const CorpusRunOptions& options) {
  ServerOptions server;
  server.max_requests_kept = 0;
  auto upstream = UpstreamServer::start(RecordedUpstream(corpus, options.cut), server);
  if (!upstream) return std::unexpected(upstream.error());
  auto driver = WorkerDriver::start(options.worker, options.frames);
  if (!driver) return std::unexpected(driver.error());
  CorpusRun run(corpus, options, **driver, (*upstream)->url());
  run.run();
  return run.report();
}

}  // namespace aiw::tools
