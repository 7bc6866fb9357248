// Resources of a process at one time, and their growth.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <vector>

namespace aiw::tools {

struct Sample {
  std::size_t requests = 0;  // completed so far
  std::size_t rss = 0;       // bytes
  std::size_t files = 0;     // descriptors that are not sockets
  std::size_t sockets = 0;
  std::size_t threads = 0;
};

Sample sample_of(pid_t pid, std::size_t requests);

// Returns the growth of memory in bytes a request: least squares through the samples, 0 for fewer than three.
double memory_slope(const std::vector<Sample>& samples);

}  // namespace aiw::tools
