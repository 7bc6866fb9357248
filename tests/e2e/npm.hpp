// What tools/npm installs for the tests: programs of others.
#pragma once

#include <optional>
#include <string>

namespace aiw::e2e {

// node_modules, in build/npm or in AIW_NPM. Without it a test says so and is skipped, or fails if CI is set.
std::optional<std::string> node_modules();

// node of the version that they want.
inline std::string node_in(const std::string& modules) { return modules + "/.bin/node"; }

}  // namespace aiw::e2e
