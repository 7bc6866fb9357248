// soak: sends very many requests of all kinds through one worker. Memory, descriptors and threads must stay flat.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <unordered_map>

#include "tools/soak/mixture.hpp"
#include "tools/soak/samples.hpp"
#include "tools/support/worker_process.hpp"

namespace {

using namespace aiw::tools;
using Json = nlohmann::json;
using Milliseconds = std::chrono::milliseconds;

constexpr Milliseconds kPatience{60'000};
constexpr double kMega = 1e6;
constexpr double kMostGrowth = 1e6 / 10'000;  // bytes a request

struct Options {
  std::string worker;
  std::size_t requests = 100'000;
  std::size_t at_once = 64;
  std::size_t samples = 40;
};

class Soak {
 public:
  Soak(const Options& options, WorkerProcess& worker, const UpstreamServer& upstream)
      : options_(options), worker_(worker), url_(upstream.url()) {}

  // Returns false if the worker stopped responding.
  bool run() {
    // Warm-up: memory and pools first grow to the size that the load needs. The baseline sample is taken after that.
    if (!run_until(options_.requests / 5)) return false;
    base_ = sample_of(worker_.pid(), ended_);
    for (std::size_t i = 1; i <= options_.samples; ++i) {
      const std::size_t rest = options_.requests - base_.requests;
      if (!run_until(base_.requests + rest * i / options_.samples)) return false;
      samples_.push_back(sample_of(worker_.pid(), ended_));
    }
    return true;
  }

  [[nodiscard]] bool report() const {
    std::printf("%10s %9s %6s %8s %8s\n", "requests", "RSS MB", "files", "sockets", "threads");
    const auto line = [](const Sample& sample) {
      std::printf("%10zu %9.2f %6zu %8zu %8zu\n", sample.requests, static_cast<double>(sample.rss) / kMega,
                  sample.files, sample.sockets, sample.threads);
    };
    line(base_);
    for (std::size_t i = 0; i < samples_.size(); i += std::max<std::size_t>(samples_.size() / 10, 1)) line(samples_[i]);
    line(samples_.back());
    for (const auto& [what, count] : ends_) std::printf("%-28s %zu\n", what.c_str(), count);
    return judge();
  }

 private:
  static bool verdict(bool good, const std::string& what) {
    std::printf("%s: %s\n", good ? "good" : "BAD", what.c_str());
    return good;
  }

  // Judges the idle worker: all samples are taken when no chat is open.
  [[nodiscard]] bool judge() const {
    const double slope = memory_slope(samples_);
    const Sample& last = samples_.back();
    char growth[64];
    std::snprintf(growth, sizeof growth, "memory grows by %.3f MB in 10,000 requests", slope * 10'000 / kMega);
    // In a short run the slope is only allocator noise. Its total growth is limited instead, to a fixed 4 MB.
    const bool long_run = last.requests - base_.requests >= 10'000;
    const bool flat = long_run ? slope <= kMostGrowth : last.rss <= base_.rss + std::size_t{4} * 1'000'000;
    const bool memory = verdict(flat, growth);
    const bool files = verdict(last.files <= base_.files, "files are back at " + std::to_string(last.files));
    const bool sockets = verdict(last.sockets <= options_.at_once + 8, std::to_string(last.sockets) + " idle sockets");
    const bool threads = verdict(last.threads <= base_.threads, "threads are back at " + std::to_string(last.threads));
    const bool ends = verdict(wrong_ == 0, std::to_string(wrong_) + " chats ended otherwise than they should");
    return memory && files && sockets && threads && ends;
  }

  // Runs until `requests` chats have been sent and all of them have ended.
  bool run_until(std::size_t requests) {
    while (ended_ < requests) {
      std::string lines;
      while (sent_ < requests && open_.size() < options_.at_once) {
        const Kind kind = kind_of(sent_);
        open_.emplace(std::to_string(sent_), kind);
        lines += chat_line(sent_++, kind, url_);
      }
      if (!lines.empty() && !worker_.write(lines, kPatience)) return false;
      const auto line = worker_.read_line(kPatience);
      if (!line || !take(*line)) return false;
    }
    return true;
  }

  bool take(const std::string& line) {
    // Skips most deltas: only the first one of a cancelled chat has an effect.
    if (line.find(R"("type":"delta")") != std::string::npos && line.find(R"("seq":2,)") == std::string::npos)
      return true;
    const Json frame = Json::parse(line, nullptr, false);
    if (frame.is_discarded()) return false;
    const Json& id = frame.at("id");
    const auto chat = id.is_string() ? open_.find(id.get<std::string>()) : open_.end();
    if (chat == open_.end()) return true;
    const std::string type = frame.at("type");
    if (type == "tool_call") return answer_tool(frame);
    if (type == "delta" && chat->second == Kind::cancel) return cancel(chat->first);
    if (type == "done" || type == "error" || type == "rejected") end(frame, chat->second);
    return true;
  }

  bool answer_tool(const Json& frame) {
    const Json result = {{"id", "result"},
                         {"type", "tool_result"},
                         {"payload",
                          {{"chatId", frame.at("id")},
                           {"toolCallId", frame.at("data").at("toolCallId")},
                           {"output", {{"type", "text"}, {"value", "what was seen"}}}}}};
    return worker_.write_line(result.dump(), kPatience);
  }

  bool cancel(const std::string& id) {
    const Json line = {{"id", "cancel"}, {"type", "cancel"}, {"payload", {{"chatId", id}}}};
    return worker_.write_line(line.dump(), kPatience);
  }

  void end(const Json& frame, Kind kind) {
    const std::string how = end_of(frame, kind);
    wrong_ += is_right(how, kind) ? 0 : 1;
    ++ends_[std::string(name_of(kind)) + ": " + how];
    ++ended_;
    open_.erase(frame.at("id").get<std::string>());
  }

  const Options& options_;
  WorkerProcess& worker_;
  const std::string url_;
  std::unordered_map<std::string, Kind> open_;
  std::size_t sent_ = 0, ended_ = 0, wrong_ = 0;
  std::map<std::string, std::size_t> ends_;
  Sample base_;
  std::vector<Sample> samples_;
};

int fail(const std::string& why) {
  std::cerr << "soak: " << why << "\n";
  return 1;
}

int run(const Options& options) {
  auto upstream = UpstreamServer::start(answer, {.max_requests_kept = 0});
  if (!upstream) return fail(upstream.error());
  auto worker = WorkerProcess::spawn(parse_command(options.worker));
  if (!worker) return fail(worker.error());
  Soak soak(options, **worker, **upstream);
  if (!soak.run()) return fail("the worker stopped answering: " + (*worker)->stderr_text());
  const bool good = soak.report();
  (*worker)->close_stdin();
  const auto exit = (*worker)->wait_exit(kPatience);
  if (!exit || exit->signal != 0 || exit->code != 0) return fail("the worker did not exit with 0");
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.worker = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "ai-worker";
  CLI::App app{
      "Sends very many chats of all kinds through one worker and judges its memory, descriptors and threads. Exits 1 "
      "if "
      "they grow or a chat ends otherwise than it should."};
  app.add_option("--requests", options.requests, "chats in all [100000]")->check(CLI::Range(100u, 100'000'000u));
  app.add_option("--at-once", options.at_once, "chats at the same time [64]")->check(CLI::Range(1u, 2'000u));
  app.add_option("--worker", options.worker, "command of the worker (default: ai-worker beside this program)");
  CLI11_PARSE(app, argc, argv);
  return run(options);
}
