#include "worker/http/egress.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

namespace aiw {
namespace {

struct Ipv4Range {
  std::uint32_t network;
  int bits;
};

constexpr std::uint32_t ipv4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// Addresses of metadata services and related services, from the cloud vendors' documents.
constexpr std::array kMetadata = {
    Ipv4Range{ipv4(169, 254, 0, 0), 16},      // AWS, Google, Azure, Oracle, Scaleway, Tencent and others
    Ipv4Range{ipv4(168, 63, 129, 16), 32},    // Azure
    Ipv4Range{ipv4(100, 100, 100, 200), 32},  // Alibaba
    Ipv4Range{ipv4(192, 0, 0, 192), 32},      // Oracle Cloud Classic
};

// IANA IPv4 Special-Purpose Address Registry, and multicast.
constexpr std::array kSpecial = {
    Ipv4Range{ipv4(0, 0, 0, 0), 8},       Ipv4Range{ipv4(10, 0, 0, 0), 8},     Ipv4Range{ipv4(100, 64, 0, 0), 10},
    Ipv4Range{ipv4(127, 0, 0, 0), 8},     Ipv4Range{ipv4(172, 16, 0, 0), 12},  Ipv4Range{ipv4(192, 0, 0, 0), 24},
    Ipv4Range{ipv4(192, 0, 2, 0), 24},    Ipv4Range{ipv4(192, 168, 0, 0), 16}, Ipv4Range{ipv4(198, 18, 0, 0), 15},
    Ipv4Range{ipv4(198, 51, 100, 0), 24}, Ipv4Range{ipv4(203, 0, 113, 0), 24}, Ipv4Range{ipv4(224, 0, 0, 0), 3},
};

bool in_any(std::uint32_t address, std::span<const Ipv4Range> ranges) {
  return std::ranges::any_of(
      ranges, [&](const Ipv4Range& range) { return ((address ^ range.network) >> (32 - range.bits)) == 0; });
}

bool ipv4_allowed(std::uint32_t address, Egress egress) {
  return !in_any(address, kMetadata) && (egress == Egress::any || !in_any(address, kSpecial));
}

using Ipv6 = std::array<std::uint8_t, 16>;

struct Ipv6Range {
  Ipv6 network;
  int bits;
};

// Builds an address from eight groups, as in its text form.
consteval Ipv6 ipv6(const std::array<std::uint16_t, 8>& groups) {
  Ipv6 bytes{};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    bytes[2 * i] = static_cast<std::uint8_t>(groups[i] >> 8);
    bytes[2 * i + 1] = static_cast<std::uint8_t>(groups[i] & 0xFF);
  }
  return bytes;
}

constexpr std::array kMetadata6 = {
    Ipv6Range{ipv6({0xFD00, 0x0EC2}), 32},                               // AWS
    Ipv6Range{ipv6({0xFD20, 0x00CE, 0, 0, 0, 0, 0, 0x0254}), 128},       // Google
    Ipv6Range{ipv6({0xFD00, 0x00C1, 0, 0, 0, 0, 0xA9FE, 0xA9FE}), 128},  // Oracle
    Ipv6Range{ipv6({0xFD00, 0x0042, 0, 0, 0, 0, 0, 0x0042}), 128},       // Scaleway
    Ipv6Range{ipv6({0xFD00, 0xA9FE, 0xA9FE, 0, 0, 0, 0, 0x0001}), 128},  // Linode
    Ipv6Range{ipv6({0xFD00, 0x0100, 0, 0, 0, 0, 0x0100, 0x0200}), 128},  // Alibaba
};

constexpr Ipv6Range kGlobalUnicast{ipv6({0x2000}), 3};
// Global addresses that are not reachable, or that go through a relay of the sender's choice.
constexpr std::array kSpecial6 = {
    Ipv6Range{ipv6({0x2001, 0x0DB8}), 32},  // documentation
    Ipv6Range{ipv6({0x3FFF}), 20},          // documentation
    Ipv6Range{ipv6({0x2001, 0x0000}), 32},  // Teredo
};

bool in_range(const Ipv6& address, const Ipv6Range& range, std::size_t from = 0) {
  int bits = range.bits;
  for (std::size_t i = 0; bits > 0; ++i, bits -= 8) {
    const int unused = std::max(0, 8 - bits);
    if ((address[from + i] ^ range.network[i]) >> unused != 0) return false;
  }
  return true;
}

bool in_any(const Ipv6& address, std::span<const Ipv6Range> ranges) {
  return std::ranges::any_of(ranges, [&](const Ipv6Range& range) { return in_range(address, range); });
}

// Forms in which an IPv6 address contains an IPv4 address that a relay or the kernel connects to.
struct Embedding {
  Ipv6Range range;
  std::array<std::uint8_t, 4> places;  // offsets of the IPv4 address's bytes
  bool is_ipv4 = false;                // the address is exactly that IPv4 address
  std::uint8_t mask = 0;               // mask that the bytes are XORed with
  std::uint8_t range_at = 0;           // byte offset at which `range` begins
};

constexpr std::array<std::uint8_t, 4> kLast = {12, 13, 14, 15};
constexpr std::array kEmbeddings = {
    Embedding{{ipv6({0, 0, 0, 0, 0, 0xFFFF}), 96}, kLast, true},  // mapped (RFC 4291)
    Embedding{{ipv6({}), 96}, kLast, true},                       // compatible (RFC 4291)
    Embedding{{ipv6({0, 0, 0, 0, 0xFFFF}), 96}, kLast, true},     // translated (RFC 2765)
    Embedding{{ipv6({0x0064, 0xFF9B}), 96}, kLast, true},         // NAT64 (RFC 6052)
    Embedding{{ipv6({0x2002}), 16}, {2, 3, 4, 5}, true},          // 6to4 (RFC 3056)
    // Local NAT64 (RFC 8215), whose prefix may have any of RFC 6052's lengths from 48 up.
    Embedding{{ipv6({0x0064, 0xFF9B, 1}), 48}, {6, 7, 9, 10}},
    Embedding{{ipv6({0x0064, 0xFF9B, 1}), 48}, {7, 9, 10, 11}},
    Embedding{{ipv6({0x0064, 0xFF9B, 1}), 48}, {9, 10, 11, 12}},
    Embedding{{ipv6({0x0064, 0xFF9B, 1}), 48}, kLast},
    // Teredo (RFC 4380): the server, and the client with inverted bits.
    Embedding{{ipv6({0x2001, 0x0000}), 32}, {4, 5, 6, 7}},
    Embedding{{ipv6({0x2001, 0x0000}), 32}, kLast, false, 0xFF},
    Embedding{{ipv6({0xFE80}), 96}, kLast},  // link-local services of OpenStack and Linode
    // ISATAP (RFC 5214), under any prefix.
    Embedding{{ipv6({0x0000, 0x5EFE}), 32}, kLast, false, 0, 8},
    Embedding{{ipv6({0x0200, 0x5EFE}), 32}, kLast, false, 0, 8},
};

std::uint32_t embedded(const Ipv6& a, const Embedding& in) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(a[in.places[i]] ^ in.mask); };
  return ipv4(byte(0), byte(1), byte(2), byte(3));
}

bool ipv6_allowed(const Ipv6& address, Egress egress) {
  if (in_any(address, kMetadata6)) return false;
  for (const Embedding& embedding : kEmbeddings) {
    if (!in_range(address, embedding.range, embedding.range_at)) continue;
    if (!ipv4_allowed(embedded(address, embedding), egress)) return false;
    if (embedding.is_ipv4) return true;
  }
  return egress == Egress::any || (in_range(address, kGlobalUnicast) && !in_any(address, kSpecial6));
}

}  // namespace

bool egress_allowed(const sockaddr& address, Egress egress) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    return ipv4_allowed(ntohl(in.sin_addr.s_addr), egress);
  }
  if (address.sa_family != AF_INET6) return false;
  sockaddr_in6 in{};
  std::memcpy(&in, &address, sizeof in);
  Ipv6 bytes{};
  std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
  return ipv6_allowed(bytes, egress);
}

}  // namespace aiw
