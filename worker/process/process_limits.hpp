// System limits of this process: descriptors and memory.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>

#include "worker/base/clock.hpp"

namespace aiw {

// Raises the soft limit of descriptors to the hard limit, but at most to 65,536. Call once, before any thread starts.
void raise_descriptor_limit();
// Gives a child the descriptor limit that this process had at its start.
void restore_descriptor_limit(pid_t child);
// Returns the current descriptor limit.
std::size_t descriptor_limit();

// Division of the descriptors into parts that do not overlap, so that everything admitted gets the descriptors it
// needs.
struct DescriptorShares {
  std::size_t chats = 1;               // concurrent chats; each has a connection
  std::size_t connections = 1;         // HTTP connections, in use or idle: one per chat, plus the shared ones
  std::size_t shared_connections = 1;  // connections shared by everything except chats; included in `connections`
  std::size_t lookups = 1;             // concurrent name look-ups
  std::size_t servers = 1;             // MCP servers; half as many again may be terminating
};
// `chats` and `servers` are the wanted numbers. Chats get five eighths of the descriptors that the process does not
// need itself.
DescriptorShares share_descriptors(std::size_t descriptors, std::size_t chats, std::size_t servers);

// Returns the memory that this process may use, in bytes: the smallest of the machine's memory and the limits of its
// control groups (cgroups(7), versions 2 and 1). Returns 0 if neither can be read. `root` is the folder of /proc and
// /sys.
std::size_t memory_limit(const std::filesystem::path& root = "/");

// Detects memory shortage, so that new work can be rejected while running work can still complete.
class MemoryGauge {
 public:
  // `limit` in bytes; 0: never short.
  explicit MemoryGauge(std::size_t limit);
  ~MemoryGauge();
  MemoryGauge(const MemoryGauge&) = delete;
  MemoryGauge& operator=(const MemoryGauge&) = delete;

  // Returns true while measure() exceeds four fifths of the limit. Takes about a microsecond. Loop thread only.
  [[nodiscard]] bool is_short();
  // Returns the resident bytes. If they exceed four fifths of the limit, freed memory is first returned to the system.
  // Returns more than the limit if the address space (RLIMIT_AS) is nearly used up.
  [[nodiscard]] std::size_t measure();
  // Number of times that freed memory was returned to the system.
  [[nodiscard]] unsigned trims() const { return trims_; }

 private:
  struct Use {
    std::size_t address_space = 0;  // in bytes
    std::size_t resident = 0;
  };
  [[nodiscard]] Use use() const;
  [[nodiscard]] std::size_t pressure() const;

  const std::size_t limit_;
  const std::size_t most_;
  const std::size_t max_address_space_;
  const int statm_;  // descriptor of /proc/self/statm
  unsigned trims_ = 0;
  std::ptrdiff_t trimmed_at_heap_ = 0;
  Instant trimmed_at_{};
};

}  // namespace aiw
