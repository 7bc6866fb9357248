// Plays a cassette: starts a worker and an upstream that replays the cassette's exchanges, then compares the results.
#pragma once

#include <expected>
#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "tools/replay/cassette.hpp"
#include "tools/replay/match.hpp"

namespace aiw::tools {

struct CassetteOptions {
  std::filesystem::path worker;
  std::ostream* frames = nullptr;    // receives every line of the worker's stdout
  std::chrono::seconds silence{30};  // timeout without any output from the worker
};

struct CassetteReport {
  std::vector<Difference> differences;
  std::vector<std::string> problems;  // protocol violations and problems that belong to no single event

  [[nodiscard]] bool passed() const { return differences.empty() && problems.empty(); }
};

// Compares expected events with actual ones. Unexpected usage, warning and heartbeat events are allowed. All other
// events must match, in this order.
void match_events(const std::vector<nlohmann::json>& expected, const std::vector<nlohmann::json>& actual,
                  std::vector<Difference>& out);

// The error is a sentence: the worker or the upstream could not be started.
std::expected<CassetteReport, std::string> run_cassette(const Cassette& cassette, const CassetteOptions& options);

// Returns the chat line with provider i redirected to `base_urls[i]`. An empty URL leaves the provider unchanged.
nlohmann::ordered_json redirected(nlohmann::ordered_json request, const std::vector<std::string>& base_urls);

}  // namespace aiw::tools
