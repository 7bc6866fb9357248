// What is left when the system gives no more memory: enough to answer every chat and to end in order.
#pragma once

#include <cstddef>

namespace aiw {

// A few megabytes that cost nothing until they are used. Operator new falls back on them, so that small allocations,
// which destructors and C's callbacks make, do not fail in the middle of something. Any thread.

// Of at most 256 KiB; nullptr for more, or if none is left. Never given back: it is for the end.
void* emergency_memory(std::size_t size);
bool is_emergency_memory(const void* pointer);

// True once some of it was asked for, until memory_is_back() says otherwise.
bool memory_has_failed();
// Whether allocations succeed again and enough of the reserve is left to go on.
bool memory_is_back();

}  // namespace aiw
