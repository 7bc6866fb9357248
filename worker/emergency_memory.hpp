// Reserve for the time when the system has no more memory: enough to send every chat a terminal event and to exit in
// order.
#pragma once

#include <cstddef>

namespace aiw {

// A few megabytes that cost nothing until used. Operator new falls back on them. Small allocations, as in destructors
// and C callbacks, then do not fail in the middle of an operation. Any thread.

// Returns up to 256 KiB; nullptr for more, or if the reserve is used up. This memory is never returned to the reserve,
// because it serves the exit.
void* emergency_memory(std::size_t size);
bool is_emergency_memory(const void* pointer);

// Returns true after the reserve was first used, until restore_emergency_memory() returns true.
bool emergency_memory_used();
// Returns true if allocations succeed again and at least half of the reserve is left.
bool restore_emergency_memory();

}  // namespace aiw
