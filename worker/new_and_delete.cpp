// Replaces the process's operators new and delete ([replacement.functions]).
//
// New falls back on a reserve when memory runs out, so that every chat can still be sent its end. Delete wipes: keys,
// request lines, conversations and responses are in many objects, and one rule at the single point that all memory
// passes cannot be forgotten. For the same reason both count the bytes they allocate and free
// (worker/base/memory_account.hpp).

#include <malloc.h>

#include <cstddef>
#include <cstdlib>
#include <new>

#include "worker/base/memory_account.hpp"
#include "worker/emergency_memory.hpp"
#include "worker/secrets/wipe.hpp"

// The sanitizers have their own operators, which must stay paired.
#ifndef AIW_SANITIZED

// The array and nothrow forms call this one. The aligned forms remain the library's.
void* operator new(std::size_t size) {
  if (void* const memory = std::malloc(size > 0 ? size : 1)) {
    aiw::thread_heap += static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
    return memory;
  }
  if (void* const memory = aiw::emergency_memory(size)) return memory;
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
  if (!aiw::is_emergency_memory(memory)) aiw::thread_heap -= static_cast<std::ptrdiff_t>(aiw::wiping_free(memory));
}
void operator delete[](void* memory) noexcept { operator delete(memory); }
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete[](void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { aiw::wiping_free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { aiw::wiping_free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { aiw::wiping_free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { aiw::wiping_free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { operator delete(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { operator delete(memory); }

#endif
