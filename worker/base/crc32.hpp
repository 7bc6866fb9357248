// CRC-32 as in ISO 3309, zlib and AWS event streams (polynomial 0x04C11DB7, reflected).
#pragma once

#include <cstdint>
#include <string_view>

namespace aiw {

// Returns the checksum of `bytes`. `before` is the checksum of the preceding bytes; 0: none.
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0);

}  // namespace aiw
