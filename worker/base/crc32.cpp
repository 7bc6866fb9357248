#include "worker/base/crc32.hpp"

#include <array>
#include <cstddef>

namespace aiw {
namespace {

constexpr std::uint32_t kPolynomial = 0xEDB88320U;  // reflected
constexpr std::size_t kSlices = 8;                  // bytes processed per iteration

// Row 0 has the checksum of each byte. Row k has the checksum of that byte followed by k zero bytes.
using Tables = std::array<std::array<std::uint32_t, 256>, kSlices>;

constexpr Tables kTables = [] {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ ((crc & 1U) != 0 ? kPolynomial : 0U);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < kSlices; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t crc = tables[k - 1][byte];
      tables[k][byte] = crc >> 8U ^ tables[0][crc & 0xFFU];
    }
  }
  return tables;
}();

}  // namespace

std::uint32_t crc32(std::string_view bytes, std::uint32_t before) {
  std::uint32_t crc = ~before;
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto* const end = at + bytes.size();
  for (; end - at >= static_cast<std::ptrdiff_t>(kSlices); at += kSlices) {
    std::uint32_t next = 0;
    for (std::size_t k = 0; k < kSlices; ++k) {
      const std::uint32_t byte = k < 4 ? at[k] ^ (crc >> (8 * k) & 0xFFU) : at[k];
      next ^= kTables[kSlices - 1 - k][byte];
    }
    crc = next;
  }
  for (; at != end; ++at) crc = crc >> 8U ^ kTables[0][(crc ^ *at) & 0xFFU];
  return ~crc;
}

}  // namespace aiw
