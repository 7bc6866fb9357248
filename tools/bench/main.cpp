// bench: measures workers and the bare relay side by side, in alternating turns.
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "tools/bench/measurements.hpp"

namespace {

using namespace aiw::tools;

struct Options {
  std::string worker;
  bool no_worker = false;
  std::vector<std::string> also;
  std::vector<std::string> only;
  std::string json_file;
  bool quick = false;
  // Size of one write. It is small, so that 500 streams arrive interleaved and not one after the other. With this size
  // the relay has the cost that it had when the limits were set: 0.2 us a chunk for one stream, 0.5 us for 500.
  std::size_t block_bytes = 2048;
  Effort effort;
};

// Effort for CI: small counts, but all rows.
Effort quick_effort() {
  return {.spawns = 5,
          .chunks = 20'000,
          .rounds = 1,
          .latency_seconds = 1,
          .small_requests = 30,
          .histories = 2,
          .idle_streams = 200,
          .loops = 1};
}

std::vector<Subject> subjects_of(const Options& options, const std::filesystem::path& folder) {
  std::vector<Subject> subjects;
  subjects.push_back({.name = "relay", .command = {.program = folder / "bench-relay"}, .is_relay = true});
  if (!options.no_worker) {
    std::string program = options.worker.empty() ? (folder / "ai-worker").string() : options.worker;
    if (options.worker.empty() && geteuid() != 0) program += " --allow-core";  // for memory figures without root
    subjects.push_back({.name = "ai-worker", .command = parse_command(program)});
  }
  for (const std::string& other : options.also) {
    std::size_t equals = other.find('=');
    Subject subject{.name = other.substr(0, equals),
                    .command = parse_command(std::string_view(other).substr(equals + 1)),
                    .dialect = Subject::Dialect::kLeanspec};
    subject.command.environment = {"LEANSPEC_IPC_MODE=true"};
    subjects.push_back(std::move(subject));
  }
  return subjects;
}

// Raises the descriptor limit for thousands of streams, in this process and (inherited) in the workers.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int run(const Options& options) {
  auto upstream = BenchUpstream::start(options.block_bytes);
  if (!upstream) {
    std::cerr << "bench: " << upstream.error() << "\n";
    return 1;
  }
  auto subjects = subjects_of(options, std::filesystem::read_symlink("/proc/self/exe").parent_path());
  std::vector<std::string> names;
  for (const Subject& subject : subjects) names.push_back(subject.name);
  Report report(names);
  Bench bench{.subjects = std::move(subjects), .upstream = **upstream, .report = report, .effort = options.effort};

  constexpr std::array<std::pair<std::string_view, void (*)(Bench&)>, 8> kParts{{{"start", measure_start},
                                                                                 {"throughput", measure_throughput},
                                                                                 {"apis", measure_apis},
                                                                                 {"latency", measure_latency},
                                                                                 {"requests", measure_requests},
                                                                                 {"loop", measure_loop},
                                                                                 {"interference", measure_interference},
                                                                                 {"idle", measure_idle_streams}}};
  for (const auto& [name, measure] : kParts) {
    bool wanted = options.only.empty() || std::ranges::find(options.only, name) != options.only.end();
    if (wanted) measure(bench);
  }
  std::cout << report.table();
  if (!options.json_file.empty()) {
    std::ofstream file(options.json_file);
    file << report.json().dump(2) << "\n";
    if (!file.good()) report.fail("cannot write " + options.json_file);
  }
  return report.failures().empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Measures ai-worker and a bare libcurl relay side by side. Exits 1 if a stream lost a chunk."};
  app.add_flag("--quick", options.quick, "few repetitions, for CI");
  app.add_option("--worker", options.worker, "command of the worker (default: ai-worker beside this program)");
  app.add_flag("--no-worker", options.no_worker, "measure the relay and --also only");
  app.add_option("--also", options.also, "NAME=COMMAND of another worker, spoken to in the leanspec dialect")
      ->check([](const std::string& text) { return text.find('=') == std::string::npos ? "NAME=COMMAND" : ""; });
  app.add_option("--only", options.only,
                 "parts to run: start, throughput, apis, latency, requests, loop, interference, idle")
      ->check(CLI::IsMember({"start", "throughput", "apis", "latency", "requests", "loop", "interference", "idle"}));
  app.add_option("--json", options.json_file, "write the results to this file too");
  auto* chunks = app.add_option("--chunks", options.effort.chunks, "chunks in each throughput run");
  app.add_option("--block-bytes", options.block_bytes, "the upstream's writes in throughput runs (default 2048)")
      ->check(CLI::Range(1u, 1u << 20));
  CLI11_PARSE(app, argc, argv);
  if (options.quick) {
    std::size_t wanted = options.effort.chunks;
    options.effort = quick_effort();
    if (chunks->count() > 0) options.effort.chunks = wanted;
  }
  raise_descriptor_limit();
  return run(options);
}
