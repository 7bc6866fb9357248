// Names of MCP tools that every provider takes.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace aiw {

// Gives each tool a name of its own, [A-Za-z_][A-Za-z0-9_-]{0,63}. The same tools in the same order get the same names.
class McpToolNames {
 public:
  void reserve(std::string_view name) { used_.emplace(name); }
  // `server`__`tool`: other characters become _, what is too long is cut and gets a hash, what is taken a number.
  std::string add(std::string_view server, std::string_view tool);

 private:
  std::set<std::string, std::less<>> used_;
  std::map<std::string, int, std::less<>> last_number_;  // that a name was given
};

}  // namespace aiw
