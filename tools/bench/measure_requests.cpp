#include <iostream>
#include <thread>

#include "tools/bench/measurements.hpp"
#include "tools/support/process_stats.hpp"

namespace aiw::tools {

namespace {

constexpr double kMega = 1e6;

// Cost of one request from the worker's stdin to the upstream.
struct Passage {
  double to_upstream_us = 0;
  double cpu_us = 0;
};

std::expected<Passage, std::string> pass(Bench& bench, Session& session, const BenchUpstream::Source& source,
                                         std::string_view messages) {
  static std::size_t counter = 0;
  std::string line = session.subject().chat_line("r" + std::to_string(counter++), source.base_url, messages);
  session.reset_output();
  auto cpu_before = cpu_time(session.pid());
  std::int64_t begin = steady_ns();
  if (!session.send(line)) return std::unexpected("stdin was not read");
  if (auto ran = session.pump([&] { return session.output().done == 1; }); !ran) return std::unexpected(ran.error());
  auto cpu_after = cpu_time(session.pid());
  if (session.output().fill_bytes != source.fill_bytes) return std::unexpected("the answer is not whole");
  if (bench.upstream.last_body_bytes() < messages.size() * 9 / 10) {
    return std::unexpected("the upstream got " + std::to_string(bench.upstream.last_body_bytes()) + " bytes only");
  }
  Passage passage{.to_upstream_us = static_cast<double>(bench.upstream.last_received_ns() - begin) / 1e3};
  if (cpu_before && cpu_after) passage.cpu_us = static_cast<double>((*cpu_after - *cpu_before).count()) / 1e3;
  return passage;
}

void measure_small(Bench& bench, const BenchUpstream::Source& source) {
  std::cerr << "bench: small requests" << std::endl;
  auto sessions = open_sessions(bench);
  std::map<std::string, std::vector<double>> times;
  std::size_t warm_up = bench.effort.small_requests / 10 + 1;
  for (std::size_t i = 0; i < warm_up + bench.effort.small_requests; ++i) {
    for (auto& session : sessions) {
      if (!session) continue;
      auto passage = pass(bench, *session, source, kSmallMessages);
      if (!passage) {
        give_up(bench, session, "small request", passage.error());
      } else if (i >= warm_up) {
        times[session->subject().name].push_back(passage->to_upstream_us);
      }
    }
  }
  Row& row = bench.report.add(
      {.key = "small_request", .label = "small request, line to upstream", .unit = "us", .limit = 2.0});
  for (const auto& [name, values] : times) row.values[name] = median(values);
}

struct HistoryCost {
  std::vector<double> milliseconds, cpu, growth;
};

// Sends `count` histories. Only the first one gives the memory growth, because the process is fresh; all give the
// times.
std::expected<void, std::string> run_history(Bench& bench, Session& session, const BenchUpstream::Source& source,
                                             const std::string& messages, std::size_t count, HistoryCost& cost) {
  if (auto warm = pass(bench, session, source, kSmallMessages); !warm) return std::unexpected(warm.error());
  reset_peak_rss(session.pid());
  auto before = memory_use(session.pid());
  for (std::size_t i = 0; i < count; ++i) {
    auto passage = pass(bench, session, source, messages);
    if (!passage) return std::unexpected(passage.error());
    cost.milliseconds.push_back(passage->to_upstream_us / 1e3);
    cost.cpu.push_back(passage->cpu_us / 1e3);
    auto after = memory_use(session.pid());
    if (i == 0 && before && after) {
      cost.growth.push_back((static_cast<double>(after->peak_rss) - static_cast<double>(before->rss)) / kMega);
    }
  }
  return {};
}

void measure_history(Bench& bench, const BenchUpstream::Source& source, std::size_t megabytes, bool limits) {
  std::string size = std::to_string(megabytes) + " MB history";
  std::cerr << "bench: " << size << std::endl;
  std::string messages = history(megabytes * 1'000'000);
  std::map<std::string, HistoryCost> costs;
  for (int round = 0; round < 3; ++round) {
    for (auto& session : open_sessions(bench)) {
      HistoryCost& cost = costs[session->subject().name];
      auto ran = run_history(bench, *session, source, messages, bench.effort.histories, cost);
      if (!ran) give_up(bench, session, size, ran.error());
    }
  }
  std::string key = "history_" + std::to_string(megabytes) + "mb";
  auto limit = [&](double value) { return limits ? std::optional<double>(value) : std::nullopt; };
  Row& time = bench.report.add({.key = key, .label = size + ", line to upstream", .unit = "ms", .limit = limit(2.0)});
  Row& cpu = bench.report.add({.key = key + "_cpu", .label = size + ", CPU", .unit = "ms"});
  Row& growth =
      bench.report.add({.key = key + "_growth", .label = size + ", memory growth", .unit = "MB", .limit = limit(1.5)});
  for (const auto& [name, cost] : costs) {
    if (cost.milliseconds.empty()) continue;
    time.values[name] = median(cost.milliseconds);
    cpu.values[name] = median(cost.cpu);
    growth.values[name] = median(cost.growth);
  }
}

// Returns the memory of `count` streams that have started and then stay silent, in MB above the idle process.
std::expected<double, std::string> run_idle_streams(Bench& bench, Session& session, std::size_t count) {
  auto source = bench.upstream.add(1, 0, 1, true);
  session.reset_output();
  auto before = memory_use(session.pid());
  std::string lines;
  for (std::size_t i = 0; i < count; ++i) {
    lines += session.subject().chat_line("i" + std::to_string(i), source.base_url, kSmallMessages);
  }
  if (!session.send(lines)) return std::unexpected("stdin was not read");
  auto all = source.fill_bytes * count;
  if (auto ran = session.pump([&] { return session.output().fill_bytes >= all; }); !ran) {
    return std::unexpected(ran.error());
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  auto after = memory_use(session.pid());
  if (!before || !after) return std::unexpected("its memory cannot be read");
  return (static_cast<double>(after->rss) - static_cast<double>(before->rss)) / kMega;
}

}  // namespace

std::string history(std::size_t bytes) {
  constexpr std::string_view kSentence =
      "The quick brown fox said \\\"na\xc3\xafve caf\xc3\xa9\\\" and jumped over the lazy dog.\\n"
      "A second line, with a path C:\\\\temp and an arrow \xe2\x86\x92 for good measure. ";
  std::string messages = "[";
  for (bool user = true; messages.size() < bytes; user = !user) {
    messages += user ? R"({"role":"user","content":")" : R"({"role":"assistant","content":")";
    for (int i = 0; i < 14; ++i) messages += kSentence;
    messages += "\"},";
  }
  return messages + R"({"role":"user","content":"Now sum it up."}])";
}

void measure_requests(Bench& bench) {
  auto source = bench.upstream.add(1);
  measure_small(bench, source);
  measure_history(bench, source, 1, false);
  measure_history(bench, source, 10, true);
}

void measure_idle_streams(Bench& bench) {
  std::string what = std::to_string(bench.effort.idle_streams) + " idle streams";
  std::cerr << "bench: " << what << std::endl;
  Row& row = bench.report.add({.key = "idle_streams", .label = "memory for " + what, .unit = "MB"});
  for (auto& session : open_sessions(bench)) {
    auto megabytes = run_idle_streams(bench, *session, bench.effort.idle_streams);
    if (megabytes) {
      row.values[session->subject().name] = *megabytes;
    } else {
      give_up(bench, session, what, megabytes.error());
    }
  }
}

}  // namespace aiw::tools
