// Names of MCP tools that every provider accepts.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace aiw {

// Assigns each tool a unique name, [A-Za-z_][A-Za-z0-9_-]{0,63}. The same tools in the same order get the same names.
class McpToolNames {
 public:
  void reserve(std::string_view name) { used_.emplace(name); }
  // Returns `server`__`tool`. Illegal characters become _, a long name is cut and gets a hash, a duplicate gets a
  // number.
  std::string add(std::string_view server, std::string_view tool);

 private:
  std::set<std::string, std::less<>> used_;
  std::map<std::string, int, std::less<>> last_number_;  // last number assigned, by base name
};

}  // namespace aiw
