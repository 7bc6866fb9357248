// Checks shared by the `headers` of providers, HTTP tools and MCP servers.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/ascii.hpp"
#include "protocol/header_rules.hpp"
#include "protocol/json_reader.hpp"

namespace aiw {

// Fails at the current member of `in` unless `name` may be sent. Also fails if `before` contains the same name,
// ignoring case.
template <typename Value>
void check_header_name(JsonReader& in, std::string_view name,
                       const std::vector<std::pair<std::string, Value>>& before) {
  if (const auto fault = header_name_fault(name)) in.fail(std::string(*fault));
  const bool twice = std::ranges::any_of(before, [&](const auto& pair) { return ascii_iequal(pair.first, name); });
  if (twice) in.fail("this header stands twice: case does not tell them apart");
}

}  // namespace aiw
