// Content codings written by hand, without a compressor: stored blocks, as each format has them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "worker/base/crc32.hpp"

namespace aiw::tools {

inline std::string little_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

// RFC 1952 around one stored block of RFC 1951, 3.2.4. At most 65535 bytes, here and below.
inline std::string gzip(std::string_view text) {
  const std::string size = little_endian(text.size(), 2);
  const std::string size_inverted = little_endian(~text.size(), 2);
  return std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03\x01", 11) + size + size_inverted + std::string(text) +
         little_endian(crc32(text), 4) + little_endian(text.size(), 4);
}

// RFC 7932, 9: a window of 64 KiB (one 0 bit), an uncompressed meta-block, an empty last one.
inline std::string brotli(std::string_view text) {
  const std::uint64_t header =
      (text.size() - 1) << 4U | 1U << 20U;  // WBITS, ISLAST, MNIBBLES, MLEN - 1, ISUNCOMPRESSED
  return little_endian(header, 3) + std::string(text) + "\x03";
}

// RFC 8878, 3.1.1: a window of 1 MiB, one raw block that is the last.
inline std::string zstd(std::string_view text) {
  return std::string("\x28\xb5\x2f\xfd\x00\x50", 6) + little_endian(text.size() << 3U | 1U, 3) + std::string(text);
}

// A gzip member whose dynamic Huffman codes make "258 more zeros" two bits long: each byte that follows is 1032.
inline std::string gzip_bomb(std::size_t unpacked) {
  constexpr unsigned char kBeginning[] = {0x1f, 0x8b, 8, 0, 0,    0,    0,    0,    2,    3, 0xed, 0xc1, 0x31,
                                          1,    0,    0, 0, 0xc2, 0xa0, 0xf5, 0x4f, 0x6d, 8, 0x5f, 0xa0};
  return std::string(reinterpret_cast<const char*>(kBeginning), sizeof kBeginning) + std::string(unpacked / 1032, '\0');
}

}  // namespace aiw::tools
