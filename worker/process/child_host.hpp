// Child host: a small process that starts the worker's children, so that the worker itself needs no right to do so.
#pragma once

#include <sys/types.h>

#include <expected>

#include "worker/base/own_fd.hpp"

namespace aiw {

// Entry points for main(). If is_child_host() is true, main() must return run_child_host().
bool is_child_host(int argc, char** argv);
int run_child_host();

struct StartedChildHost {
  pid_t pid = -1;
  UniqueFd pid_fd{};
  UniqueFd requests{};  // socket for send_child_request(); closing it ends the host
};
// Starts this program as a child host, without this process's memory and descriptors and with little of its
// environment. If this process is killed, the host stays until all children are terminated. Error: an errno.
std::expected<StartedChildHost, int> start_child_host();

}  // namespace aiw
