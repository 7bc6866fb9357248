// Takes from this process for good what it does not need: files, programs, other processes, most system calls.
#pragma once

#include <string>
#include <vector>

namespace aiw {

// To be called once, before there is a second thread. From then on files can be opened for reading only, and only those
// that TLS, name look-ups and the loader read, and `readable`: files, and folders with all that is in them. What a
// system lacks is passed over. Returns what of the sandbox this machine cannot have, empty if it is whole.
std::string enter_sandbox(const std::vector<std::string>& readable);

// Its two halves; each returns as above. docs/sandbox.md says what they allow.
std::string restrict_files(const std::vector<std::string>& readable);  // Landlock
std::string restrict_system_calls();                                   // seccomp

}  // namespace aiw
