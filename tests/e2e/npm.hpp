// External programs that tools/npm installs for the tests.
#pragma once

#include <optional>
#include <string>

namespace aiw::e2e {

// Returns node_modules, from build/npm or AIW_NPM. If it is missing, the test reports that and is skipped, or fails if
// CI is set.
std::optional<std::string> node_modules();

// Returns the path of the node version that these programs need.
inline std::string node_in(const std::string& modules) { return modules + "/.bin/node"; }

}  // namespace aiw::e2e
