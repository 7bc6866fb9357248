#include "worker/secrets/wipe.hpp"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace aiw {
namespace {

// From this size on, return whole pages to the kernel (madvise(2)). This is faster than writing, and does not touch
// pages that were only reserved. Returned pages read as zeros.
constexpr std::size_t kManyPages = 512 << 10;

}  // namespace

void wipe(void* memory, std::size_t size) {
  if (size < kManyPages) return explicit_bzero(memory, size);
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  auto* const bytes = static_cast<char*>(memory);
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  const std::size_t head = (page - begin % page) % page;
  const std::size_t tail = (begin + size) % page;
  const std::size_t pages = size - head - tail;
  explicit_bzero(bytes, head);
  if (madvise(bytes + head, pages, MADV_DONTNEED) != 0) explicit_bzero(bytes + head, pages);
  explicit_bzero(bytes + head + pages, tail);
}

std::size_t wiping_free(void* memory) {
  if (memory == nullptr) return 0;
  const std::size_t size = malloc_usable_size(memory);
  wipe(memory, size);
  std::free(memory);
  return size;
}

void* wiping_realloc(void* memory, std::size_t size) {
  if (memory == nullptr) return std::malloc(size);
  const std::size_t before = malloc_usable_size(memory);
  if (size > 0 && size <= before && size > before / 2) return memory;
  void* const moved = std::malloc(std::max<std::size_t>(size, 1));
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, memory, std::min(size, before));
  wiping_free(memory);
  return moved;
}

}  // namespace aiw
