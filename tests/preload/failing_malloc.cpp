// Allocator for LD_PRELOAD whose allocations fail where a test wants. AIW_FAIL_AT: number of the first allocation that
// fails, counted from 1. AIW_FAIL_COUNT: number of allocations that fail (default 1). AIW_FAIL_REPORT: file that
// receives the total number of allocations at exit.

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

// glibc's own functions. glibc exports them so that malloc can be wrapped without dlsym, which allocates.
extern "C" void* __libc_malloc(std::size_t size);                           // NOLINT(bugprone-reserved-identifier)
extern "C" void* __libc_calloc(std::size_t count, std::size_t size);        // NOLINT(bugprone-reserved-identifier)
extern "C" void* __libc_realloc(void* memory, std::size_t size);            // NOLINT(bugprone-reserved-identifier)
extern "C" void* __libc_memalign(std::size_t alignment, std::size_t size);  // NOLINT(bugprone-reserved-identifier)

namespace {

std::atomic<unsigned long> count = 0;
std::atomic<unsigned long> first = 0;  // 0: not read yet
std::atomic<unsigned long> last = 0;

unsigned long number_of(const char* name, unsigned long otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoul(text, nullptr, 10);
}

// Returns true if this allocation must fail. The environment is already set at the first allocation, unless the loader
// makes it.
bool must_fail() {
  const unsigned long number = ++count;
  if (first == 0 && environ != nullptr) {
    const unsigned long at = number_of("AIW_FAIL_AT", -1UL);
    last = at == -1UL ? at : at + number_of("AIW_FAIL_COUNT", 1) - 1;
    first = at;
  }
  if (first == 0 || number < first || number > last) return false;
  errno = ENOMEM;
  return true;
}

[[gnu::destructor]] void report() {
  const char* const file = std::getenv("AIW_FAIL_REPORT");
  if (file == nullptr) return;
  const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  char text[32];
  const int size = std::snprintf(text, sizeof text, "%lu\n", count.load());
  [[maybe_unused]] const auto written = write(fd, text, static_cast<std::size_t>(size));
  close(fd);
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) { return must_fail() ? nullptr : __libc_malloc(size); }
void* calloc(std::size_t members, std::size_t size) { return must_fail() ? nullptr : __libc_calloc(members, size); }
void* realloc(void* memory, std::size_t size) { return must_fail() ? nullptr : __libc_realloc(memory, size); }
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return must_fail() ? nullptr : __libc_memalign(alignment, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  return must_fail() ? nullptr : __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  *memory = must_fail() ? nullptr : __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
}
