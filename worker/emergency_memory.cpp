#include "worker/emergency_memory.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <functional>

namespace aiw {
namespace {

constexpr std::size_t kReserve = std::size_t{8} << 20;
constexpr std::size_t kLongest = std::size_t{256} << 10;
constexpr std::size_t kAlignment = alignof(std::max_align_t);
constexpr std::size_t kProbe = std::size_t{1} << 20;

alignas(kAlignment) std::array<char, kReserve> reserve;  // its pages use no memory until they are written
std::atomic<std::size_t> used = 0;
std::atomic<bool> failed = false;

}  // namespace

void* emergency_memory(std::size_t size) {
  failed = true;
  if (size > kLongest) return nullptr;
  const std::size_t rounded = (size + kAlignment - 1) / kAlignment * kAlignment;
  const std::size_t at = used.fetch_add(rounded);
  return at + rounded <= kReserve ? reserve.data() + at : nullptr;
}

bool is_emergency_memory(const void* pointer) {
  const std::less<const void*> before;  // a total order, unlike operator <
  return !before(pointer, reserve.data()) && before(pointer, reserve.data() + reserve.size());
}

bool emergency_memory_used() { return failed.load(std::memory_order_relaxed); }

bool restore_emergency_memory() {
  void* const probe = std::malloc(kProbe);
  std::free(probe);
  if (probe == nullptr || used > kReserve / 2) return false;
  failed = false;
  return true;
}

}  // namespace aiw
