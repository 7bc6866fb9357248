#include "tests/e2e/npm.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

namespace aiw::e2e {

std::optional<std::string> node_modules() {
  const char* given = std::getenv("AIW_NPM");
  const std::string folder = given != nullptr ? given : AIW_SOURCE_DIR "/build/npm";
  if (std::filesystem::exists(folder + "/.installed")) return folder + "/node_modules";
  const char* ci = std::getenv("CI");
  if (ci != nullptr && *ci != '\0') {
    FAIL("npm's packages are not in " << folder << ": run tools/npm");
  }
  MESSAGE("SKIPPED: npm's packages are not in " << folder << " (tools/npm installs them)");
  return std::nullopt;
}

}  // namespace aiw::e2e
