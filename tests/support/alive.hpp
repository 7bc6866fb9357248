// Check for a running process.
#pragma once

#include <sys/types.h>

#include <fstream>
#include <string>

namespace aiw::test {

// Returns true if the process runs. A zombie, which waits for its parent to reap it, does not run.
inline bool alive(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(stat, line);  // fails if the process ends in the meantime
  return !line.empty() && line.find(") Z ") == std::string::npos;
}

}  // namespace aiw::test
