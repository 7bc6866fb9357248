// Keeps the process' memory, which holds keys and conversations, out of core files and debuggers.
#pragma once

namespace aiw {

// No core file, not through a pipe to a program either, and no ptrace by others of the same user (prctl(2),
// PR_SET_DUMPABLE). For this process; its children get no core file.
void forbid_core_files();

}  // namespace aiw
