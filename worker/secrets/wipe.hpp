// Clears memory that held keys or conversations before it is freed.
#pragma once

#include <cstddef>

namespace aiw {

// Zeroes `size` bytes. Large memory that was never touched costs nothing.
void wipe(void* memory, std::size_t size);

// Same as `free` and `realloc`, for memory of the malloc family, but clears every block that is freed. wiping_free()
// returns the size of the block.
std::size_t wiping_free(void* memory);
void* wiping_realloc(void* memory, std::size_t size);

}  // namespace aiw
