#include "worker/process/process_limits.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>

#include "worker/base/memory_account.hpp"

namespace aiw {
namespace {

// Upper limit for the descriptor limit. More would only enlarge the loop's descriptor table.
constexpr rlim_t kMostDescriptors = 65'536;
constexpr std::size_t kTrimPart = 256;  // divisor of the memory limit
constexpr std::chrono::milliseconds kTrimInterval{100};
constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

rlimit former_limit{};
bool raised = false;

// Reads a limit in bytes. "max", or version 1's page-aligned 2^63, mean no limit.
std::size_t limit_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::size_t bytes = 0;
  return in >> bytes ? bytes : kNoLimit;
}

// Returns the smallest limit of a group and its ancestors, because an ancestor's limit also applies.
std::size_t smallest_limit(const std::filesystem::path& mount, std::filesystem::path group, const char* file) {
  std::size_t least = limit_in(mount / file);
  for (; group.has_relative_path(); group = group.parent_path()) {
    least = std::min(least, limit_in(mount / group.relative_path() / file));
  }
  return least;
}

// Returns the threshold for the address space. With a small RLIMIT_AS the libraries alone come close to it, so only
// failed allocations count.
std::size_t most_address_space() {
  constexpr rlim_t kLittle = rlim_t{256} << 20;
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur < kLittle) return kNoLimit;
  return limit.rlim_cur - limit.rlim_cur / 8;
}

bool has_controller(std::string_view controllers, std::string_view wanted) {
  while (!controllers.empty()) {
    const auto name = controllers.substr(0, controllers.find(','));
    if (name == wanted) return true;
    controllers.remove_prefix(std::min(name.size() + 1, controllers.size()));
  }
  return false;
}

}  // namespace

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min(limit.rlim_max, kMostDescriptors);
  if (limit.rlim_cur >= wanted) return;
  former_limit = limit;
  limit.rlim_cur = wanted;
  raised = setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

void restore_descriptor_limit(pid_t child) {
  if (raised) prlimit(child, RLIMIT_NOFILE, &former_limit, nullptr);
}

std::size_t descriptor_limit() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<std::size_t>(limit.rlim_cur) : kMostDescriptors;
}

DescriptorShares share_descriptors(std::size_t descriptors, std::size_t chats, std::size_t servers) {
  // Descriptors of the process itself: the standard streams, those of the loop, curl and the child host, and
  // temporarily a file or a child's six ends.
  constexpr std::size_t kOwn = 24;
  constexpr std::size_t kLookup = 4;  // one socket per name server, and one for TCP
  constexpr std::size_t kServer = 7;  // four of a child and half of those of a terminating one, or one HTTP stream
  const auto left_of = [](std::size_t all, std::size_t part) { return all - std::min(all, part); };
  DescriptorShares shares;
  shares.lookups = std::clamp<std::size_t>(descriptors / 32, 1, 256);
  const std::size_t rest = left_of(descriptors, kOwn + kLookup * shares.lookups);
  shares.chats = std::clamp<std::size_t>(rest * 5 / 8, 1, std::max<std::size_t>(chats, 1));
  // Half of the descriptors that chats leave.
  shares.servers =
      std::clamp<std::size_t>(left_of(rest, shares.chats) / 2 / kServer, 1, std::max<std::size_t>(servers, 1));
  shares.connections = std::max(left_of(rest, (kServer - 1) * shares.servers), shares.chats + 1);
  shares.shared_connections = shares.connections - shares.chats;
  return shares;
}

// Parses /proc/self/cgroup. A line is `0::PATH` for version 2 and `N:CONTROLLERS:PATH` for version 1.
std::size_t memory_limit(const std::filesystem::path& root) {
  struct sysinfo machine{};
  std::size_t least = sysinfo(&machine) == 0 ? machine.totalram * machine.mem_unit : kNoLimit;
  const auto mount = root / "sys/fs/cgroup";
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = std::string_view(line).substr(first + 1, second - first - 1);
    const std::filesystem::path group = line.substr(second + 1);
    if (controllers.empty()) least = std::min(least, smallest_limit(mount, group, "memory.max"));
    if (has_controller(controllers, "memory")) {
      least = std::min(least, smallest_limit(mount / "memory", group, "memory.limit_in_bytes"));
    }
  }
  return least == kNoLimit ? 0 : least;
}

MemoryGauge::MemoryGauge(std::size_t limit)
    : limit_(limit),
      most_(limit - limit / 5),
      max_address_space_(most_address_space()),
      statm_(limit == 0 ? -1 : open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}

MemoryGauge::~MemoryGauge() {
  if (statm_ >= 0) close(statm_);
}

bool MemoryGauge::is_short() { return most_ > 0 && measure() > most_; }

std::size_t MemoryGauge::measure() {
  const std::size_t bytes = pressure();
  if (bytes <= most_) return bytes;
  // The allocator may still hold freed memory. Returning it takes up to a millisecond, so do it only after enough
  // change or time.
  const auto now = Instant::clock::now();
  const auto changed = static_cast<std::size_t>(std::abs(thread_heap - trimmed_at_heap_));
  if (changed < limit_ / kTrimPart && now - trimmed_at_ < kTrimInterval) return bytes;
  trimmed_at_heap_ = thread_heap;
  trimmed_at_ = now;
  malloc_trim(0);
  ++trims_;
  return pressure();
}

std::size_t MemoryGauge::pressure() const {
  const auto [address_space, resident] = use();
  if (address_space <= max_address_space_) return resident;
  return std::max(limit_ + (address_space - max_address_space_), resident);
}

// Reads the first two numbers of statm, which are in pages (proc(5)).
MemoryGauge::Use MemoryGauge::use() const {
  std::array<char, 128> text;
  const auto count = pread(statm_, text.data(), text.size(), 0);
  if (count <= 0) return {};
  const char* const end = text.data() + count;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  Use pages;
  const auto first = std::from_chars(text.data(), end, pages.address_space);
  if (first.ec == std::errc() && first.ptr != end) std::from_chars(first.ptr + 1, end, pages.resident);
  return {pages.address_space * page, pages.resident * page};
}

}  // namespace aiw
