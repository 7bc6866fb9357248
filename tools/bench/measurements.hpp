// Measurements of the bench. Each function adds its rows to the report and runs the subjects in turns.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/bench/bench_upstream.hpp"
#include "tools/bench/report.hpp"
#include "tools/bench/subject.hpp"

namespace aiw::tools {

struct Effort {
  std::size_t spawns = 40;
  std::size_t chunks = 400'000;
  std::size_t rounds = 5;
  double latency_seconds = 5;
  std::size_t small_requests = 300;
  std::size_t histories = 5;
  std::size_t idle_streams = 2000;
  std::size_t loops = 3;
};

struct Bench {
  std::vector<Subject> subjects;  // the relay is first
  BenchUpstream& upstream;
  Report& report;
  Effort effort;
};

void measure_start(Bench& bench);         // spawn to first health response, idle memory
void measure_throughput(Bench& bench);    // CPU per chunk, chunks a second
void measure_apis(Bench& bench);          // CPU per chunk of each wire API's stream, one API at a time
void measure_latency(Bench& bench);       // latency of paced streams
void measure_requests(Bench& bench);      // stdin line to upstream: small, 1 MB, 10 MB; with CPU and memory growth
void measure_loop(Bench& bench);          // 50 steps with tools on a large history: CPU and memory growth
void measure_interference(Bench& bench);  // effect of large histories on the latency of other streams
void measure_idle_streams(Bench& bench);

// Returns a conversation of about `bytes` bytes as a JSON array of messages. The text is prose with the usual escapes
// and non-ASCII letters.
std::string history(std::size_t bytes);

double median(std::vector<double> values);
double percentile(std::vector<double> values, double fraction);

// Starts the subjects and returns their sessions. Subjects that fail to start are reported as failures.
std::vector<std::unique_ptr<Session>> open_sessions(Bench& bench);
// Reports the failure of `what` and kills the session, so that later turns skip it.
void give_up(Bench& bench, std::unique_ptr<Session>& session, const std::string& what, const std::string& why);

}  // namespace aiw::tools
