// Takes what memory held out of it before it is given back: keys and conversations.
#pragma once

#include <cstddef>

namespace aiw {

// Zeroes `size` bytes; what is large and was never touched costs nothing.
void wipe(void* memory, std::size_t size);

// For memory of malloc's family, as `free` and `realloc` are, but nothing of a block that is given back stays in it.
// Returns the bytes that the block had.
std::size_t wiping_free(void* memory);
void* wiping_realloc(void* memory, std::size_t size);

}  // namespace aiw
