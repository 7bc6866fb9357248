// Content codings written by hand, without a compressor: stored blocks in each format, and a gzip bomb.
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

// Raw stored blocks of RFC 1951, 3.2.4: "deflate" as some servers send it.
inline std::string deflate(std::string_view text) {
  constexpr std::size_t kMost = 65'535;
  std::string out;
  do {
    const auto block = text.substr(0, kMost);
    text.remove_prefix(block.size());
    out += text.empty() ? '\1' : '\0';
    out += little_endian(block.size(), 2) + little_endian(~block.size(), 2) + std::string(block);
  } while (!text.empty());
  return out;
}

// Stored blocks in an RFC 1950 wrapper, with the checksum last: "deflate" as defined by RFC 9110, 8.4.1.2.
inline std::string zlib(std::string_view text) {
  std::uint32_t a = 1, b = 0;
  for (const char c : text) {
    a = (a + static_cast<unsigned char>(c)) % 65'521;
    b = (b + a) % 65'521;
  }
  std::string sum = little_endian(std::uint64_t{b} << 16U | a, 4);
  return "\x78\x01" + deflate(text) + std::string(sum.rbegin(), sum.rend());
}

// Stored blocks in an RFC 1952 wrapper.
inline std::string gzip(std::string_view text) {
  return std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10) + deflate(text) + little_endian(crc32(text), 4) +
         little_endian(text.size(), 4);
}

// Gzip member with dynamic Huffman codes in which "258 more zeros" takes two bits: each further byte unpacks to 1032.
inline std::string gzip_bomb(std::size_t unpacked) {
  constexpr unsigned char kBeginning[] = {0x1f, 0x8b, 8, 0, 0,    0,    0,    0,    2,    3, 0xed, 0xc1, 0x31,
                                          1,    0,    0, 0, 0xc2, 0xa0, 0xf5, 0x4f, 0x6d, 8, 0x5f, 0xa0};
  return std::string(reinterpret_cast<const char*>(kBeginning), sizeof kBeginning) + std::string(unpacked / 1032, '\0');
}

}  // namespace aiw::tools
