// JSON as tests read what is sent: strictly, so that a duplicate key or a stray comma fails.
#pragma once

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace aiw::testing {

inline nlohmann::json parse_strictly(const std::string& text) {
  using json = nlohmann::json;
  std::vector<std::set<std::string>> keys;
  const auto unique = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key) {
      const auto name = parsed.get<std::string>();
      CAPTURE(name);
      CHECK(keys.back().insert(name).second);
    }
    return true;
  };
  return json::parse(text, unique);
}

}  // namespace aiw::testing
