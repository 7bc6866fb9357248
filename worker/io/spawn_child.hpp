// Starts a program with pipes to its standard streams. The only unit that knows Boost.Process.
#pragma once

#include <sys/types.h>

#include <expected>

#include "worker/base/child_process.hpp"

namespace aiw {

// All descriptors close on exec; those of the streams do not block.
struct SpawnedChild {
  pid_t pid = -1;  // also its process group's id
  int pid_fd = -1;
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
};

// The child leads a process group, has default signal handling, no descriptor but its three, and of this process'
// environment only PATH, HOME and the like. It is killed if this process dies without ending it. Error: an errno.
std::expected<SpawnedChild, int> spawn_child(const ChildCommand& command);

}  // namespace aiw
