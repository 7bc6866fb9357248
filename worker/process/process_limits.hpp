// What the system lets this process have: descriptors and memory.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>

#include "worker/base/clock.hpp"

namespace aiw {

// Raises the soft limit of descriptors to the hard one, or to 65,536 if that is lower. Once, before any thread.
void raise_descriptor_limit();
// Gives a child the limit that the parent gave.
void restore_descriptor_limit(pid_t child);
// The limit now.
std::size_t descriptor_limit();

// One account of the descriptors: the parts do not overlap, so what may run can have what it needs.
struct DescriptorShares {
  std::size_t chats = 1;        // at once; each has a connection
  std::size_t connections = 1;  // over HTTP: one for each chat and those that all else shares, in use or kept idle
  std::size_t shared_connections = 1;  // of these
  std::size_t lookups = 1;             // of names at once
  std::size_t servers = 1;             // MCP servers; half as many again may be about to end
};
// `chats` and `servers`: as many as are wanted. Chats get five eighths of what the process does not need itself.
DescriptorShares share_descriptors(std::size_t descriptors, std::size_t chats, std::size_t servers);

// The memory that this process may use, in bytes: the smallest limit of its control groups (cgroups(7), versions 2 and
// 1), else what the machine has; 0 if that cannot be read. `root` is where /proc and /sys are.
std::size_t memory_limit(const std::filesystem::path& root = "/");

// Tells when memory gets short, so that new work can be refused while what runs can still end.
class MemoryGauge {
 public:
  // `limit` in bytes; 0: never short.
  explicit MemoryGauge(std::size_t limit);
  ~MemoryGauge();
  MemoryGauge(const MemoryGauge&) = delete;
  MemoryGauge& operator=(const MemoryGauge&) = delete;

  // True while more than four fifths of the limit are resident. About a microsecond, and of the loop's thread only.
  [[nodiscard]] bool is_short();
  // Bytes that are resident; if they are many, after what was freed has been given back. More than the limit
  // if the address space that the process may have (RLIMIT_AS) is nearly used up.
  [[nodiscard]] std::size_t measure();
  // How often freed memory was given back.
  [[nodiscard]] unsigned trims() const { return trims_; }

 private:
  struct Use {
    std::size_t address_space = 0;  // bytes
    std::size_t resident = 0;
  };
  [[nodiscard]] Use use() const;
  [[nodiscard]] std::size_t pressure() const;

  const std::size_t limit_;
  const std::size_t most_;
  const std::size_t most_address_space_;
  const int statm_;  // descriptor of /proc/self/statm
  unsigned trims_ = 0;
  std::ptrdiff_t trimmed_at_heap_ = 0;
  Instant trimmed_at_{};
};

}  // namespace aiw
