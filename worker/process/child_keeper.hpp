// Keeper: the process between the worker and one child. It starts the child, terminates it, and kills all its
// descendants.
#pragma once

#include <sys/types.h>

#include <set>

#include "worker/process/child_request.hpp"

namespace aiw {

// Returns when the child and everything it started are gone. The calling process is dedicated to this child: it has one
// thread and no other child. Closes `streams` and blocks signals.
void keep_child(ChildRequest request);

// Sends `signal` to all descendants of this process, including daemons if this process is a subreaper. Skips those in
// `except` and their descendants. Needs /proc.
void signal_descendants(int signal, const std::set<pid_t>& except = {});

}  // namespace aiw
