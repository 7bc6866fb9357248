// What the process settles before it reads anything: its allocator, its standard descriptors, limits and signals.
#pragma once

namespace aiw {

// First of all, before there is a second thread.
void set_up_process();

// Keeps the process' memory, which holds keys and conversations, out of core files and debuggers: no core file, not
// through a pipe to a program either, and no ptrace by others of the same user (prctl(2), PR_SET_DUMPABLE). For this
// process; its children get no core file.
void forbid_core_files();

}  // namespace aiw
