#include "tools/bench/measurements.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <thread>

#include "tools/support/process_stats.hpp"

namespace aiw::tools {

using Steady = std::chrono::steady_clock;

namespace {

constexpr double kMega = 1e6;

void progress(const std::string& text) { std::cerr << "bench: " << text << std::endl; }

double microseconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e3; }

std::chrono::nanoseconds cpu(const Session& session) {
  return cpu_time(session.pid()).value_or(std::chrono::nanoseconds{0});
}

}  // namespace

double percentile(std::vector<double> values, double fraction) {
  if (values.empty()) return 0;
  auto at = static_cast<std::ptrdiff_t>(fraction * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

double median(std::vector<double> values) { return percentile(std::move(values), 0.5); }

void give_up(Bench& bench, std::unique_ptr<Session>& session, const std::string& what, const std::string& why) {
  std::string failure = session->subject().name + ", " + what + ": " + why;
  progress("FAILED " + failure);
  bench.report.fail(failure);
  session.reset();
}

std::vector<std::unique_ptr<Session>> open_sessions(Bench& bench) {
  std::vector<std::unique_ptr<Session>> sessions;
  for (const Subject& subject : bench.subjects) {
    auto session = Session::open(subject);
    if (session) {
      sessions.push_back(std::move(*session));
    } else {
      bench.report.fail(subject.name + ": " + session.error());
    }
  }
  return sessions;
}

void measure_start(Bench& bench) {
  progress("spawn to first health answer, idle memory");
  std::map<std::string, std::vector<double>> times, sizes;
  for (std::size_t i = 0; i < bench.effort.spawns; ++i) {
    for (const Subject& subject : bench.subjects) {
      auto begin = Steady::now();
      auto session = Session::open(subject);
      if (!session) {
        if (i == 0) bench.report.fail(subject.name + ", spawn: " + session.error());
        continue;
      }
      times[subject.name].push_back(microseconds(Steady::now() - begin) / 1e3);
      if (i % 8 != 0) continue;
      std::this_thread::sleep_for(std::chrono::milliseconds(200));  // includes work after the response
      if (auto memory = memory_use((*session)->pid())) {
        sizes[subject.name].push_back(static_cast<double>(memory->pss) / kMega);
      }
    }
  }
  Row& spawn = bench.report.add({.key = "spawn", .label = "spawn to first health answer", .unit = "ms", .limit = 1.0});
  Row& idle = bench.report.add({.key = "idle_pss", .label = "idle PSS", .unit = "MB", .limit = 1.2});
  for (const auto& [name, values] : times) spawn.values[name] = median(values);
  for (const auto& [name, values] : sizes) idle.values[name] = median(values);
}

namespace {

struct Throughput {
  std::vector<double> cpu_per_chunk;  // µs
  std::vector<double> chunks_per_second;
  std::size_t chunks_per_stream = 0;  // reduced for slow subjects once their speed is known
};

// Limit of one response. A stream of more chunks is split into several responses, one after the other. No model writes
// more in one response, and a worker may reject it.
constexpr std::size_t kMaxChunksPerAnswer = 50'000;

// Streams of one measurement and the size of their writes.
struct Traffic {
  std::size_t streams = 1;
  std::string api = "openai-chat";
  std::size_t block_bytes = 0;
};

// Runs all streams at once, with as many responses as needed. Returns the reason if a chunk is missing or a stream
// failed.
std::expected<void, std::string> run_throughput(Bench& bench, Session& session, const Traffic& traffic,
                                                std::size_t chunks_per_stream, Throughput& result) {
  const std::size_t streams = traffic.streams;
  std::size_t answers = (chunks_per_stream + kMaxChunksPerAnswer - 1) / kMaxChunksPerAnswer;
  std::size_t chunks_per_answer = chunks_per_stream / answers;
  auto source =
      bench.upstream.add({.api = traffic.api, .chunks = chunks_per_answer, .block_bytes = traffic.block_bytes});
  auto expected = session.subject().is_relay ? source.fill_on_wire : source.fill_bytes;
  auto cpu_before = cpu(session);
  auto begin = Steady::now();
  for (std::size_t i = 0; i < answers; ++i) {
    if (auto ran = session.chat(source.base_url, streams, kSmallMessages, traffic.api); !ran) return ran;
    if (session.output().fill_bytes != expected * streams) {
      return std::unexpected(std::to_string(session.output().fill_bytes) + " bytes of text arrived instead of " +
                             std::to_string(expected * streams));
    }
  }
  double seconds = microseconds(Steady::now() - begin) / 1e6;
  double used = microseconds(cpu(session) - cpu_before);
  auto chunks = static_cast<double>(chunks_per_answer * answers * streams);
  result.cpu_per_chunk.push_back(used / chunks);
  result.chunks_per_second.push_back(chunks / seconds);
  return {};
}

// Returns the results by subject. Failed subjects are missing.
std::map<std::string, Throughput> throughput_of(Bench& bench, const Traffic& traffic, const std::string& what) {
  progress("throughput, " + what);
  auto sessions = open_sessions(bench);
  std::map<std::string, Throughput> results;
  for (std::size_t round = 0; round <= bench.effort.rounds; ++round) {
    for (auto& session : sessions) {
      if (!session) continue;
      Throughput& result = results[session->subject().name];
      std::size_t all = std::max<std::size_t>(bench.effort.chunks / traffic.streams, 1);
      bool warm_up = round == 0;
      if (warm_up) result.chunks_per_stream = std::max<std::size_t>(all / 20, 1);
      if (auto ran = run_throughput(bench, *session, traffic, result.chunks_per_stream, result); !ran) {
        give_up(bench, session, "throughput of " + what, ran.error());
      } else if (warm_up) {
        constexpr double kSlow = 10;  // µs a chunk; above it a tenth of the chunks gives a result that is as stable
        result.chunks_per_stream = result.cpu_per_chunk.back() > kSlow ? std::max<std::size_t>(all / 10, 1) : all;
        result.cpu_per_chunk.clear();
        result.chunks_per_second.clear();
      }
    }
  }
  std::erase_if(results, [](const auto& result) { return result.second.cpu_per_chunk.empty(); });
  return results;
}

void measure_throughput_of(Bench& bench, std::size_t streams, std::optional<double> limit) {
  std::string what = std::to_string(streams) + (streams == 1 ? " stream" : " streams");
  const auto results = throughput_of(bench, {.streams = streams, .block_bytes = bench.upstream.block_bytes()}, what);
  std::string suffix = std::to_string(streams);
  Row& cost = bench.report.add(
      {.key = "cpu_per_chunk_" + suffix, .label = "CPU per 300-byte chunk, " + what, .unit = "us", .limit = limit});
  Row& speed = bench.report.add({.key = "chunks_per_second_" + suffix,
                                 .label = "chunks per second, " + what,
                                 .unit = "1/s",
                                 .less_is_better = false});
  for (const auto& [name, result] : results) {
    cost.values[name] = median(result.cpu_per_chunk);
    speed.values[name] = median(result.chunks_per_second);
  }
}

// Returns the latencies (µs) of the texts sent at `from` or later. The start of a run is left out because it has not
// settled.
std::vector<double> times_since(const OutputScanner& output, std::int64_t from) {
  std::vector<double> times;
  for (const auto& arrival : output.arrivals) {
    if (arrival.sent_ns >= from) times.push_back(static_cast<double>(arrival.took_ns) / 1e3);
  }
  return times;
}

constexpr double kSettleSeconds = 0.5;

// Returns the latencies of the texts of `streams` paced streams.
std::expected<std::vector<double>, std::string> run_latency(Bench& bench, Session& session, std::size_t streams,
                                                            double rate) {
  auto events = static_cast<std::size_t>((bench.effort.latency_seconds + kSettleSeconds) * rate);
  auto source = bench.upstream.add(events, rate, streams);
  session.output().collect_arrivals = true;
  std::int64_t from = steady_ns() + static_cast<std::int64_t>(kSettleSeconds * 1e9);
  if (auto ran = session.chat(source.base_url, streams); !ran) return std::unexpected(ran.error());
  const auto& arrivals = session.output().arrivals;
  // The relay may write pieces of two streams into one line when the kernel has cut a piece. A few stamps may be torn.
  std::size_t expected = events * streams;
  std::size_t torn = session.subject().is_relay ? expected / 1000 : 0;
  if (session.output().fill_bytes != source.fill_bytes * streams || arrivals.size() + torn < expected) {
    return std::unexpected(std::to_string(arrivals.size()) + " texts arrived instead of " + std::to_string(expected));
  }
  return times_since(session.output(), from);
}

void measure_latency_of(Bench& bench, std::size_t streams, double rate, bool limit_p99) {
  std::string what = std::to_string(streams) + " streams x " + std::to_string(static_cast<int>(rate)) + "/s";
  progress("latency, " + what);
  auto sessions = open_sessions(bench);
  std::map<std::string, std::vector<double>> results;
  for (int round = 0; round < 2; ++round) {
    for (auto& session : sessions) {
      if (!session) continue;
      auto times = run_latency(bench, *session, streams, rate);
      if (!times) {
        give_up(bench, session, "latency of " + what, times.error());
        continue;
      }
      auto& all = results[session->subject().name];
      all.insert(all.end(), times->begin(), times->end());
    }
  }
  std::string key = "latency_" + std::to_string(streams);
  Row& p50 = bench.report.add(
      {.key = key + "_p50", .label = "latency p50, " + what, .unit = "us", .limit = std::optional<double>(2.0)});
  Row& p99 = bench.report.add({.key = key + "_p99",
                               .label = "latency p99, " + what,
                               .unit = "us",
                               .limit = limit_p99 ? std::optional<double>(2.0) : std::nullopt});
  for (const auto& [name, times] : results) {
    p50.values[name] = median(times);
    p99.values[name] = percentile(times, 0.99);
  }
}

// Measures 20 paced streams while a 10 MB history is sent every half second.
std::expected<std::vector<double>, std::string> run_interference(Bench& bench, Session& session,
                                                                 const std::string& messages) {
  constexpr std::size_t kStreams = 20;
  constexpr double kRate = 50;
  auto histories = static_cast<std::size_t>(bench.effort.latency_seconds / 0.5);
  auto events = static_cast<std::size_t>((bench.effort.latency_seconds + 2 * kSettleSeconds) * kRate);
  auto paced = bench.upstream.add(events, kRate, kStreams);
  auto quick = bench.upstream.add(1);
  session.reset_output();
  session.output().collect_arrivals = true;
  std::string lines;
  for (std::size_t i = 0; i < kStreams; ++i) {
    lines += session.subject().chat_line("p" + std::to_string(i), paced.base_url, kSmallMessages);
  }
  auto begin = steady_ns();
  auto at = [&](double seconds) { return begin + static_cast<std::int64_t>(seconds * 1e9); };
  std::expected<void, std::string> ran;
  for (std::size_t i = 0; i <= histories && ran; ++i) {
    auto next = at(kSettleSeconds + 0.5 * static_cast<double>(i));
    bool last = i == histories;
    ran = session.pump_and_send(
        lines, [&] { return last ? session.output().done == kStreams + histories : steady_ns() >= next; });
    lines = session.subject().chat_line("h" + std::to_string(i), quick.base_url, messages);
  }
  if (!ran) return std::unexpected(ran.error());
  if (session.output().fill_bytes != paced.fill_bytes * kStreams + quick.fill_bytes * histories) {
    return std::unexpected("text is missing");
  }
  return times_since(session.output(), at(kSettleSeconds));
}

}  // namespace

void measure_interference(Bench& bench) {
  progress("latency of 20 streams beside 10 MB histories");
  std::string messages = history(10'000'000);
  Row& p99 =
      bench.report.add({.key = "interference_p99", .label = "20 streams beside 10 MB histories, p99", .unit = "us"});
  Row& worst = bench.report.add({.key = "interference_max", .label = "the same, longest", .unit = "us"});
  for (auto& session : open_sessions(bench)) {
    auto times = run_interference(bench, *session, messages);
    if (times) {
      p99.values[session->subject().name] = percentile(*times, 0.99);
      worst.values[session->subject().name] = percentile(*times, 1);
    } else {
      give_up(bench, session, "streams beside histories", times.error());
    }
  }
}

void measure_throughput(Bench& bench) {
  measure_throughput_of(bench, 1, 4.0);
  measure_throughput_of(bench, 50, std::nullopt);
  measure_throughput_of(bench, 500, 3.0);
}

// Measures many streams whose events arrive one by one (one write for each), as providers send them.
void measure_apis(Bench& bench) {
  constexpr std::size_t kStreams = 200;
  Bench ours{.subjects = {}, .upstream = bench.upstream, .report = bench.report, .effort = bench.effort};
  for (const Subject& subject : bench.subjects) {
    if (subject.dialect == Subject::Dialect::kV1) ours.subjects.push_back(subject);  // others have no wire APIs
  }
  for (const std::string& api : synthetic_apis()) {
    Row& cost =
        bench.report.add({.key = "cpu_per_chunk_" + api, .label = "CPU per chunk, " + api, .unit = "us", .limit = 4.0});
    for (const auto& [name, result] : throughput_of(ours, {.streams = kStreams, .api = api, .block_bytes = 1}, api)) {
      cost.values[name] = median(result.cpu_per_chunk);
    }
  }
}

void measure_latency(Bench& bench) {
  measure_latency_of(bench, 20, 50, true);
  measure_latency_of(bench, 500, 20, false);
}

}  // namespace aiw::tools
