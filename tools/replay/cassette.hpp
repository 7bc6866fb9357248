// A cassette: one chat of a parent, the exchanges with providers it caused, and the events that came of it
// (docs/cassettes.md, schemas/cassette.schema.json).
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
  std::optional<std::string> path;  // with the query
  nlohmann::json body;              // a subset; null: not checked
};

struct Exchange {
  RequestExpectation request;
  Script response;
};

// A further line of the parent, written once a frame came that contains `after`.
struct InputLine {
  nlohmann::json line;
  nlohmann::json after;
};

struct Cassette {
  std::string name;
  // As the parent wrote it, in its order of members.
  nlohmann::ordered_json request;
  std::vector<Exchange> exchanges;
  std::vector<InputLine> inputs;
  std::vector<nlohmann::json> expected;  // {type, data}

  [[nodiscard]] std::string id() const { return request.at("id").get<std::string>(); }
};

// The error names the line. `name` is what reports call the cassette.
std::expected<Cassette, std::string> parse_cassette(std::string name, std::string_view text);
std::expected<Cassette, std::string> load_cassette(const std::filesystem::path& file);

// The providers of a chat line's config, each with the base URL it goes to in the end: its own, or the known
// provider's.
struct ProviderUrl {
  std::string id;
  std::string base_url;  // without trailing slashes; empty: unknown
};
std::vector<ProviderUrl> provider_urls(const nlohmann::ordered_json& request);

// The path of a URL, with its leading slash; empty if it has none.
std::string url_path(std::string_view url);

// A chat's events as expectations: deltas of one part are one event where the first of them stood, without heartbeats.
std::vector<nlohmann::json> merge_events(const std::vector<nlohmann::json>& frames);

}  // namespace aiw::tools
