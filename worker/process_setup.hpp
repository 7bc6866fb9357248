// Process set-up before any input is read: allocator, standard descriptors, limits and signals.
#pragma once

namespace aiw {

// Call first, before a second thread starts.
void set_up_process();

// Keeps the process's memory, which holds keys and conversations, out of core files and debuggers. There is no core
// file, not even through a pipe to a program, and no ptrace by others of the same user (prctl(2), PR_SET_DUMPABLE).
// Applies to this process; its children get no core file.
void forbid_core_files();

}  // namespace aiw
