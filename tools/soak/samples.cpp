#include "tools/soak/samples.hpp"

#include <filesystem>
#include <iterator>
#include <string>

#include "tools/support/process_stats.hpp"

namespace aiw::tools {

namespace fs = std::filesystem;

Sample sample_of(pid_t pid, std::size_t requests) {
  const fs::path folder = "/proc/" + std::to_string(pid);
  Sample sample{.requests = requests, .rss = memory_use(pid).value_or(MemoryUse{}).rss};
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder / "fd", error)) {
    const bool socket = fs::read_symlink(entry, error).string().starts_with("socket:");
    ++(socket ? sample.sockets : sample.files);
  }
  const fs::directory_iterator tasks(folder / "task", error);
  sample.threads = static_cast<std::size_t>(std::distance(fs::begin(tasks), fs::end(tasks)));
  return sample;
}

double memory_slope(const std::vector<Sample>& samples) {
  if (samples.size() < 3) return 0;
  double x = 0, y = 0, xx = 0, xy = 0;
  for (const Sample& sample : samples) {
    const auto at = static_cast<double>(sample.requests), rss = static_cast<double>(sample.rss);
    x += at;
    y += rss;
    xx += at * at;
    xy += at * rss;
  }
  const auto n = static_cast<double>(samples.size());
  return (n * xy - x * y) / (n * xx - x * x);
}

}  // namespace aiw::tools
