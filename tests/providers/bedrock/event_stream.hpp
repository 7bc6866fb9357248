// AWS event-stream messages as tests write them, with a checksum of their own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiw::testing {

using EventHeaders = std::vector<std::pair<std::string, std::string>>;

// CRC-32 bit by bit, unlike the one under test.
inline std::uint32_t slow_crc32(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ (0xEDB88320U & (0U - (crc & 1U)));
  }
  return ~crc;
}

inline std::string big_endian(std::uint64_t number, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(static_cast<unsigned char>(number >> (8 * i) & 0xFFU));
  return out;
}

// `headers` as on the wire.
inline std::string raw_event_message(std::string_view headers, std::string_view payload) {
  std::string out = big_endian(16 + headers.size() + payload.size(), 4) + big_endian(headers.size(), 4);
  out += big_endian(slow_crc32(out), 4);
  out.append(headers).append(payload);
  return out + big_endian(slow_crc32(out), 4);
}

// All headers are strings.
inline std::string event_message(const EventHeaders& headers, std::string_view payload) {
  std::string raw;
  for (const auto& [name, value] : headers) {
    raw += big_endian(name.size(), 1) + name + '\x07' + big_endian(value.size(), 2) + value;
  }
  return raw_event_message(raw, payload);
}

inline std::string bedrock_event(const std::string& type, std::string_view payload) {
  return event_message({{":event-type", type}, {":content-type", "application/json"}, {":message-type", "event"}},
                       payload);
}

inline std::string bedrock_exception(const std::string& type, std::string_view payload) {
  return event_message(
      {{":exception-type", type}, {":content-type", "application/json"}, {":message-type", "exception"}}, payload);
}

}  // namespace aiw::testing
