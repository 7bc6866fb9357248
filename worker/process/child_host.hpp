// The small process that starts the worker's children, so that the worker itself need not be able to.
#pragma once

#include <sys/types.h>

#include <expected>

#include "worker/base/own_fd.hpp"

namespace aiw {

// A program whose arguments say so becomes a child host and exits with what run_child_host() returns.
bool is_child_host(int argc, char** argv);
int run_child_host();

struct StartedChildHost {
  pid_t pid = -1;
  OwnFd pid_fd{};
  OwnFd requests{};  // takes send_child_request(); the host ends with it
};
// Runs this program anew as a child host, with none of its memory and descriptors and little of its environment. It
// lives on, if this process is killed, until all children have been ended. Error: an errno.
std::expected<StartedChildHost, int> start_child_host();

}  // namespace aiw
