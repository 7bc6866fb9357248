// The process between the worker and one child: it starts the child, ends it, and with it all that descends from it.
#pragma once

#include <sys/types.h>

#include <set>

#include "worker/process/child_request.hpp"

namespace aiw {

// Returns when the child and everything that it started are gone. The calling process is given to this child: it has
// one thread and no other child. `streams` are closed, signals are blocked.
void keep_child(ChildRequest request);

// Sends `signal` to all processes that descend from this one, daemons included if this one is a subreaper, but not to
// those in `except` and their descendants. Needs /proc.
void signal_descendants(int signal, const std::set<pid_t>& except = {});

}  // namespace aiw
