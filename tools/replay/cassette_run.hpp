// Plays a cassette: a worker of its own, an upstream that answers with the cassette's exchanges, and a comparison.
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
  std::ostream* frames = nullptr;    // gets every line of the worker's stdout
  std::chrono::seconds silence{30};  // how long the worker may say nothing
};

struct CassetteReport {
  std::vector<Difference> differences;
  std::vector<std::string> problems;  // broken promises, and what no single event can be blamed for

  [[nodiscard]] bool passed() const { return differences.empty() && problems.empty(); }
};

// What is expected against what came. Events of type usage, warning and heartbeat may come without being expected;
// every other event must be, in this order.
void match_events(const std::vector<nlohmann::json>& expected, const std::vector<nlohmann::json>& actual,
                  std::vector<Difference>& out);

// The error is a sentence: the worker or the upstream could not be started.
std::expected<CassetteReport, std::string> run_cassette(const Cassette& cassette, const CassetteOptions& options);

// The chat line with provider i sent to `base_urls[i]`; an empty one leaves it as it is.
nlohmann::ordered_json redirected(nlohmann::ordered_json request, const std::vector<std::string>& base_urls);

}  // namespace aiw::tools
