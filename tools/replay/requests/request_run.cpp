#include "tools/replay/requests/request_run.hpp"

#include <algorithm>
#include <fstream>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "tools/replay/worker_driver.hpp"
#include "tools/support/upstream_server.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

constexpr std::chrono::seconds kSilence{30};
constexpr std::string_view kPrefix = "/request/";
constexpr std::string_view kShorter = "-shorter";  // suffix of the id of a chat whose history was cut

// Requests that reached the upstream, by chat id.
class Received {
 public:
  Script operator()(const Request& request) {
    std::string_view rest = request.target;
    if (rest.starts_with(kPrefix)) {
      rest.remove_prefix(kPrefix.size());
      const auto slash = std::min(rest.find('/'), rest.size());
      const std::lock_guard lock(mutex_);
      auto& kept = by_id_[std::string(rest.substr(0, slash))];
      kept = request;
      kept.target = rest.substr(slash);
    }
    return json_script(400, R"({"error":{"message":"seen","type":"seen"}})");
  }
  std::optional<Request> of(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Request> by_id_;
};

void compare(const std::string& at, const json& expected, const json& actual, std::vector<Difference>& out) {
  if (expected == actual) return;
  if (expected.is_array() && actual.is_array() && expected.size() == actual.size()) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      compare(at + "/" + std::to_string(i), expected[i], actual[i], out);
    }
  } else if (expected.is_object() && actual.is_object()) {
    std::set<std::string> keys;
    for (const auto& [key, value] : expected.items()) keys.insert(key);
    for (const auto& [key, value] : actual.items()) keys.insert(key);
    for (const auto& key : keys) {
      const json absent = "(absent)";
      compare(at + "/" + key, expected.value(key, absent), actual.value(key, absent), out);
    }
  } else {
    out.push_back(difference(at.empty() ? "(root)" : at, expected, actual));
  }
}

// Returns the body without its closing brackets, which is the prefix that a longer history continues.
std::string_view open_end(std::string_view body) {
  const auto last = body.find_last_not_of("]} \n");
  if (last == std::string_view::npos) return {};
  body = body.substr(0, last + 1);
  return body;
}

// Returns the history before the assistant's last message; nothing if there is none.
std::optional<json> shorter_history(const json& messages) {
  for (std::size_t i = messages.size(); i-- > 1;) {
    if (messages[i].value("role", "") != "assistant") continue;
    return json(std::vector<json>(messages.begin(), messages.begin() + static_cast<std::ptrdiff_t>(i)));
  }
  return std::nullopt;
}

class RequestRun {
 public:
  RequestRun(const std::vector<RecordedRequest>& recorded, const RequestRunOptions& options, WorkerDriver& driver,
             std::string upstream, const Received& received)
      : recorded_(recorded), options_(options), driver_(driver), upstream_(std::move(upstream)), received_(received) {}

  void run() {
    for (const auto& request : recorded_) prepare(request);
    send_more();
    while (ended_ < sent_) {
      const auto frame = driver_.next(kSilence);
      if (!frame) break;
      const auto& type = frame->at("type");
      if (type != "done" && type != "error" && type != "rejected") continue;
      if (type == "rejected") refusals_[frame->at("id").get<std::string>()] = frame->at("data").dump();
      ++ended_;
      send_more();
    }
    driver_.finish();
  }

  RequestsReport report() {
    RequestsReport report;
    report.problems = driver_.problems();
    for (const auto& request : recorded_) report.requests.push_back(report_of(request));
    return report;
  }

 private:
  void prepare(const RecordedRequest& request) {
    const RequestConverter* converter = find_request_converter(request.api);
    if (converter == nullptr) {
      failures_[request.id] = "no converter for " + request.api;
      return;
    }
    try {
      ConvertedRequest converted = converter->convert(request);
      check_options(*converter, converted);
      lines_.push_back(chat_line(request, request.id, converted));
      if (auto shorter = shorter_history(converted.payload.at("messages"))) {
        converted.payload["messages"] = *std::move(shorter);
        lines_.push_back(chat_line(request, request.id + std::string(kShorter), converted));
        shortened_.insert(request.id);
      }
    } catch (const std::exception& error) {
      failures_[request.id] = error.what();
    }
  }

  static void check_options(const RequestConverter& converter, const ConvertedRequest& converted) {
    const json options = converted.payload.value("providerOptions", json::object());
    for (const auto pointer : converter.named) {
      if (options.contains(json::json_pointer(std::string(pointer)))) {
        throw std::runtime_error("providerOptions carry what has a name: " + std::string(pointer));
      }
    }
  }

  std::string chat_line(const RecordedRequest& request, const std::string& id,
                        const ConvertedRequest& converted) const {
    json provider = {{"id", request.provider},
                     {"type", request.api},
                     {"baseUrl", upstream_ + std::string(kPrefix) + id + converted.base_path},
                     {"apiKey", "replay-key"},
                     {"models", {{{"id", converted.model}}}}};
    provider.update(converted.provider);
    json payload = converted.payload;
    payload["config"] = {{"providers", {provider}}};
    payload["providerId"] = provider["id"];
    payload["modelId"] = converted.model;
    payload["retry"] = {{"max", 0}};
    if (!payload.contains("stream")) payload["stream"]["upstream"] = request.streaming;
    return json{{"id", id}, {"type", "chat"}, {"payload", payload}}.dump();
  }

  void send_more() {
    while (sent_ < lines_.size() && sent_ - ended_ < options_.jobs) {
      if (!driver_.send(lines_[sent_++])) return;
    }
  }

  [[nodiscard]] RequestReport report_of(const RecordedRequest& request) const {
    RequestReport report;
    report.recorded = &request;
    std::vector<Difference> found;
    const auto sent = received_.of(request.id);
    if (const auto failure = failures_.find(request.id); failure != failures_.end()) {
      found.push_back({"(conversion)", "a chat", failure->second});
    } else if (!sent) {
      const auto refusal = refusals_.find(request.id);
      found.push_back({"(request)", "a request", refusal == refusals_.end() ? "none came" : refusal->second});
    } else {
      found = differences(request, *sent);
      check_prefix(request, *sent, report);
    }
    for (auto& difference : found) sort(std::move(difference), report);
    return report;
  }

  static std::vector<Difference> differences(const RecordedRequest& request, const Request& sent) {
    std::vector<Difference> out;
    const RequestConverter& converter = *find_request_converter(request.api);
    if (sent.method != request.method) out.push_back(difference("(method)", request.method, sent.method));
    const auto plain = [&](const std::string& path) {
      return converter.normalise_path == nullptr ? path : converter.normalise_path(path);
    };
    if (plain(sent.target) != plain(request.path)) out.push_back(difference("(path)", request.path, sent.target));
    const json body = json::parse(sent.body, nullptr, false);
    compare("", converter.normalise(request.body), converter.normalise(body), out);
    return out;
  }

  void check_prefix(const RecordedRequest& request, const Request& sent, RequestReport& report) const {
    if (!shortened_.contains(request.id)) return;
    const auto shorter = received_.of(request.id + std::string(kShorter));
    if (!shorter) return;  // an empty history is rejected before it is sent
    report.has_prefix = true;
    report.stable = sent.body.starts_with(open_end(shorter->body));
  }

  void sort(Difference difference, RequestReport& report) const {
    for (const auto& accepted : options_.accepted) {
      if (accepted.id != report.recorded->id || !difference.field.starts_with(accepted.field)) continue;
      report.accepted.push_back(std::move(difference));
      report.reasons.push_back(accepted.reason);
      return;
    }
    report.differences.push_back(std::move(difference));
  }

  const std::vector<RecordedRequest>& recorded_;
  const RequestRunOptions& options_;
  WorkerDriver& driver_;
  const std::string upstream_;
  const Received& received_;
  std::vector<std::string> lines_;
  std::set<std::string> shortened_;
  std::map<std::string, std::string> failures_, refusals_;  // descriptions by request id
  std::size_t sent_ = 0;
  std::size_t ended_ = 0;
};

}  // namespace

std::expected<std::vector<RecordedRequest>, std::string> load_recorded_requests(const std::filesystem::path& folder,
                                                                                const CorpusSelection& selection) {
  std::ifstream index(folder / "index.jsonl", std::ios::binary);
  if (!index) return std::unexpected("no index.jsonl in " + folder.string());
  std::vector<RecordedRequest> out;
  try {
    for (std::string line; std::getline(index, line);) {
      const json entry = json::parse(line);
      if (!is_selected(entry, selection)) continue;
      std::ifstream file(folder / entry.at("file").get<std::string>(), std::ios::binary);
      const json request = json::parse(file).at("request");
      if (!request.value("recorded", true) || !request.value("body", json()).is_object()) continue;
      // A requested stream may have failed with a response that is not a stream.
      const bool streaming = entry.at("streaming").get<bool>() || request["body"].value("stream", json()) == true;
      out.push_back({entry.at("id"), entry.at("api"), entry.at("provider"), streaming, request.at("method"),
                     request.at("path"), request.at("body")});
    }
  } catch (const json::exception& error) {
    return std::unexpected(folder.string() + " is not a corpus: " + error.what());
  }
  return out;
}

std::expected<RequestsReport, std::string> run_requests(const std::vector<RecordedRequest>& recorded,
                                                        const RequestRunOptions& options) {
  Received received;
  ServerOptions server;
  server.max_requests_kept = 0;
  auto upstream = UpstreamServer::start([&received](const Request& request) { return received(request); }, server);
  if (!upstream) return std::unexpected(upstream.error());
  auto driver = WorkerDriver::start(options.worker, options.frames);
  if (!driver) return std::unexpected(driver.error());
  RequestRun run(recorded, options, **driver, (*upstream)->url(), received);
  run.run();
  return run.report();
}

}  // namespace aiw::tools
