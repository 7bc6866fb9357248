// Counts the worker's instructions for generated shapes with 1, n and 4 n elements, under `valgrind --tool=callgrind`.
// tests/growth/check reads the counts.
// - growth --list prints the shapes.
// - growth [--times K] [NAME...] counts the named shapes, or all, with 1, K n and 4 K n elements.
// - growth --play NAME N prints how the scene ends.
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#endif

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/growth/shapes.hpp"
#include "worker/base/crypto.hpp"

#ifndef CALLGRIND_TOGGLE_COLLECT
#error "tests/growth needs valgrind's headers"
#endif

namespace {

using namespace aiw::growth;

void counted(const std::function<void()>& action) {
  CALLGRIND_TOGGLE_COLLECT;
  action();
  CALLGRIND_TOGGLE_COLLECT;
}

std::size_t bytes_of(const Scene& scene) {
  std::size_t bytes = scene.tool.body.size() + scene.mcp_result.size() + scene.mcp_noise.size() + scene.direct_bytes;
  for (const auto& line : scene.lines) bytes += line.size();
  for (const auto& line : scene.later) bytes += line.size();
  for (const auto& response : scene.provider) bytes += response.body.size();
  for (const auto& list : scene.mcp_lists) bytes += list.size();
  return bytes;
}

// Counts one shape. tests/growth/check parses the label of the dump.
void count(const Shape& shape, std::size_t n) {
  const Scene scene = shape.scene(n);
  CALLGRIND_ZERO_STATS;
  const std::string end = play(scene, counted);
  const std::string label =
      "growth|" + shape.name + "|" + std::to_string(n) + "|" + std::to_string(bytes_of(scene)) + "|" + end;
  CALLGRIND_DUMP_STATS_AT(label.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  std::size_t times = 1;
  if (arguments.size() >= 2 && arguments[0] == "--times") {
    times = std::stoul(arguments[1]);
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  const auto shapes = all_shapes();
  if (!arguments.empty() && arguments[0] == "--list") {
    for (const auto& shape : shapes) std::printf("%s %zu\n", shape.name.c_str(), shape.n);
    return 0;
  }
  // Loads libcrypto now. Otherwise the first shape that hashes would pay for it, and seem not to grow.
  if (!aiw::sha256("")) std::fprintf(stderr, "libcrypto cannot be loaded\n");
  const bool plays = !arguments.empty() && arguments[0] == "--play";
  for (const auto& shape : shapes) {
    if (plays) {
      if (arguments.at(1) != "all" && shape.name != arguments.at(1)) continue;
      const std::size_t n = arguments.size() > 2 ? std::stoul(arguments[2]) : 4 * shape.n;
      const Scene scene = shape.scene(n);
      const std::string end = play(scene, [](const std::function<void()>& action) { action(); });
      std::printf("%s %zu %zu %s\n", shape.name.c_str(), n, bytes_of(scene), end.c_str());
      continue;
    }
    if (!arguments.empty() && std::ranges::find(arguments, shape.name) == arguments.end()) continue;
    for (const std::size_t n : {std::size_t{1}, times * shape.n, 4 * times * shape.n}) count(shape, n);
  }
  return 0;
}
