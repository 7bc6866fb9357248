#include "worker/base/crc32.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace aiw;

TEST_CASE("crc32 returns the check value of its catalogue entry") {
  CHECK(crc32("123456789") == 0xCBF43926U);
  CHECK(crc32("") == 0U);
  CHECK(crc32(std::string(32, '\0')) == 0x190A55ADU);
  CHECK(crc32(std::string(32, '\xFF')) == 0xFF6CAB0BU);
}

TEST_CASE("crc32 can continue from any position") {
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += static_cast<char>(static_cast<unsigned char>(i * 37));
  const auto whole = crc32(bytes);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    REQUIRE(crc32(bytes.substr(cut), crc32(bytes.substr(0, cut))) == whole);
  }
}
