#include "tools/support/process_stats.hpp"

#include <ctime>
#include <fstream>
#include <string>

namespace aiw::tools {

namespace {

// Returns the value in bytes of a "Name:   123 kB" line of a /proc file.
std::optional<std::size_t> kilobytes_of(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":")) return std::stoull(line.substr(name.size() + 1)) * 1024;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::nanoseconds> cpu_time(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) return std::nullopt;
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::optional<MemoryUse> memory_use(pid_t pid) {
  auto pss = kilobytes_of("/proc/" + std::to_string(pid) + "/smaps_rollup", "Pss");
  std::string status = "/proc/" + std::to_string(pid) + "/status";
  auto rss = kilobytes_of(status, "VmRSS");
  auto peak = kilobytes_of(status, "VmHWM");
  if (!pss || !rss || !peak) return std::nullopt;
  return MemoryUse{.rss = *rss, .pss = *pss, .peak_rss = *peak};
}

bool reset_peak_rss(pid_t pid) {
  std::ofstream file("/proc/" + std::to_string(pid) + "/clear_refs");
  file << "5" << std::flush;
  return file.good();
}

}  // namespace aiw::tools
