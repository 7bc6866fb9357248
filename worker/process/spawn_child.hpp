// Starts a program with its standard streams. The only unit that knows Boost.Process.
#pragma once

#include <sys/types.h>

#include <array>
#include <expected>

#include "worker/base/child_process.hpp"

namespace aiw {

// What of this process' environment a child gets, where the command does not say otherwise.
inline constexpr std::array kChildVariables = {"PATH", "HOME",    "LANG",  "LC_ALL", "TMPDIR",
                                               "USER", "LOGNAME", "SHELL", "TERM"};

// `streams`: what becomes its stdin, stdout and stderr; they stay the caller's. The child leads a process group, whose
// id is its pid, has default signal handling, no other descriptor, and of this process' environment only
// kChildVariables. It is killed when the calling thread ends. Error: an errno.
std::expected<pid_t, int> spawn_child(const ChildCommand& command, const std::array<int, 3>& streams);

}  // namespace aiw
