// Starts a program with its standard streams. Only this unit uses Boost.Process.
#pragma once

#include <sys/types.h>

#include <array>
#include <expected>

#include "worker/base/child_process.hpp"

namespace aiw {

// Variables that a child inherits from this process, unless the command sets them.
inline constexpr std::array kChildVariables = {"PATH", "HOME",    "LANG",  "LC_ALL", "TMPDIR",
                                               "USER", "LOGNAME", "SHELL", "TERM"};

// `streams` become the child's stdin, stdout and stderr; the caller keeps them. The child leads a process group whose
// id is its pid. It has default signal handling, no other descriptor, and inherits only kChildVariables from this
// environment. It is killed when the calling thread exits. Error: an errno.
std::expected<pid_t, int> spawn_child(const ChildCommand& command, const std::array<int, 3>& streams);

}  // namespace aiw
