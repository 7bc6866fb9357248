// What is left when the system gives no more memory: enough to answer every chat and to end in order.
#pragma once

namespace aiw {

// The program's operator new falls back on a few megabytes of its own, which cost nothing until they are used, for
// pieces of up to 256 KiB; longer ones throw. So small allocations, which destructors and C's callbacks make, do not
// fail in the middle of something.

// True once an allocation fell back, until memory_is_back() says otherwise. Any thread.
bool memory_has_failed();
// Whether allocations succeed again and enough of the reserve is left to go on.
bool memory_is_back();

}  // namespace aiw
