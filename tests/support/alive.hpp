// Whether a process runs.
#pragma once

#include <sys/types.h>

#include <fstream>
#include <string>

namespace aiw::test {

// A zombie, which waits for its parent to be told, does not.
inline bool alive(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(stat, line);  // fails where the process ends meanwhile
  return !line.empty() && line.find(") Z ") == std::string::npos;
}

}  // namespace aiw::test
