#include "worker/secrets/wipe.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

using namespace aiw;

TEST_CASE("what is wiped is zero to its first and last byte, and nothing beside it is touched") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4095}, std::size_t{512 << 10},
                                 std::size_t{(1 << 20) + 1}, std::size_t{5'000'000}}) {
    for (const std::size_t offset : {std::size_t{16}, std::size_t{17}, std::size_t{4096}}) {
      CAPTURE(size);
      CAPTURE(offset);
      std::vector<char> memory(offset + size + 16, 'x');
      wipe(memory.data() + offset, size);
      const auto begin = memory.begin() + static_cast<std::ptrdiff_t>(offset);
      CHECK(std::all_of(memory.begin(), begin, [](char c) { return c == 'x'; }));
      CHECK(std::all_of(begin, begin + static_cast<std::ptrdiff_t>(size), [](char c) { return c == 0; }));
      CHECK(std::all_of(begin + static_cast<std::ptrdiff_t>(size), memory.end(), [](char c) { return c == 'x'; }));
    }
  }
}

TEST_CASE("a block that grows or shrinks keeps its bytes") {
  char* memory = static_cast<char*>(wiping_realloc(nullptr, 10));
  std::memcpy(memory, "0123456789", 10);
  for (const std::size_t size : {std::size_t{20}, std::size_t{2'000'000}, std::size_t{1'900'000}, std::size_t{10}}) {
    memory = static_cast<char*>(wiping_realloc(memory, size));
    REQUIRE(memory != nullptr);
    CHECK(std::string(memory, 10) == "0123456789");
    memory[size - 1] = '9';
  }
  wiping_free(memory);
  wiping_free(nullptr);
}
