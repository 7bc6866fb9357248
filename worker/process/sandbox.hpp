// Permanently removes access that this process does not need: files, programs, other processes, most system calls.
#pragma once

#include <string>
#include <vector>

namespace aiw {

// Call once, before a second thread starts. Afterwards files can only be opened for reading. Allowed are the files that
// TLS, name look-ups and the loader read, and `readable`: files, and folders with their contents. Paths that do not
// exist are ignored. Returns a description of the missing parts of the sandbox; empty if it is complete.
std::string enter_sandbox(const std::vector<std::string>& readable);

// The two halves of the sandbox; each returns the same kind of description. docs/sandbox.md lists what they allow.
std::string restrict_files(const std::vector<std::string>& readable);  // Landlock
std::string restrict_system_calls();                                   // seccomp

}  // namespace aiw
