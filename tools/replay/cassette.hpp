// Cassette: one chat of a parent, its exchanges with providers, and the resulting events (docs/cassettes.md,
// schemas/cassette.schema.json).
#pragma once

#include <expected>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/support/script.hpp"

namespace aiw::tools {

struct RequestExpectation {
  std::optional<std::string> method;
  std::optional<std::string> path;  // including the query
  nlohmann::json body;              // subset to match; null: not checked
};

struct Exchange {
  RequestExpectation request;
  Script response;
};

// Later line of the parent, sent after a frame that contains `after`.
struct InputLine {
  nlohmann::json line;
  nlohmann::json after;
};

struct Cassette {
  std::string name;
  // As the parent wrote it, members in the original order.
  nlohmann::ordered_json request;
  std::vector<Exchange> exchanges;
  std::vector<InputLine> inputs;
  std::vector<nlohmann::json> expected;  // elements: {type, data}

  [[nodiscard]] std::string id() const { return request.at("id").get<std::string>(); }
};

// The error names the line. `name` is the cassette's name in reports.
std::expected<Cassette, std::string> parse_cassette(std::string name, std::string_view text);
std::expected<Cassette, std::string> load_cassette(const std::filesystem::path& file);

// Returns the providers in a chat line's config, each with its effective base URL: its own, or the default of the known
// provider.
struct ProviderUrl {
  std::string id;
  std::string base_url;  // without trailing slashes; empty if unknown
};
std::vector<ProviderUrl> provider_urls(const nlohmann::ordered_json& request);

// Returns the path of a URL, including the leading slash; empty if it has none.
std::string url_path(std::string_view url);

// Converts the events of a chat to expectations. Merges the deltas of one part into one event at the position of the
// first. Omits heartbeats.
std::vector<nlohmann::json> merge_events(const std::vector<nlohmann::json>& frames);

}  // namespace aiw::tools
