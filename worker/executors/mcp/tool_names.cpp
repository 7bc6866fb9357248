#include "worker/executors/mcp/tool_names.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "protocol/ascii.hpp"
#include "worker/base/crc32.hpp"

namespace aiw {
namespace {

constexpr std::size_t kMaxBytes = 64;
constexpr std::size_t kMaxSuffix = 11;  // "_" and a number

bool is_legal(char c) { return is_ascii_alnum(c) || c == '_' || c == '-'; }

std::string hash_of(std::string_view text) {
  std::array<char, 9> digits{};
  std::snprintf(digits.data(), digits.size(), "%08x", static_cast<unsigned>(crc32(text)));
  return digits.data();
}

}  // namespace

std::string McpToolNames::add(std::string_view server, std::string_view tool) {
  const std::string wanted = std::string(server) + "__" + std::string(tool);
  std::string name = wanted;
  std::ranges::replace_if(name, [](char c) { return !is_legal(c); }, '_');
  if (name.front() == '-' || (name.front() >= '0' && name.front() <= '9')) name.insert(0, "_");
  if (name.size() > kMaxBytes) name = name.substr(0, kMaxBytes - 9) + '_' + hash_of(wanted);
  const std::string base = name;
  // Long names that differ only where the suffix replaces their end share a number. Otherwise each would try all
  // numbers that the others use.
  int& number = last_number_[base.substr(0, kMaxBytes - kMaxSuffix)];
  for (number = std::max(number, 1); !used_.insert(name).second;) {
    const std::string suffix = '_' + std::to_string(++number);
    name = base.substr(0, kMaxBytes - suffix.size()) + suffix;
  }
  return name;
}

}  // namespace aiw
