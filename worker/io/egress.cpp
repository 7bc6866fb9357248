#include "worker/io/egress.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
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

constexpr std::array kMetadata = {
    Ipv4Range{ipv4(169, 254, 0, 0), 16},      // AWS, Google, Azure, Oracle
    Ipv4Range{ipv4(168, 63, 129, 16), 32},    // Azure
    Ipv4Range{ipv4(100, 100, 100, 200), 32},  // Alibaba
};

// The IANA IPv4 Special-Purpose Address Registry, and multicast.
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

template <std::size_t N>
bool has_prefix(const Ipv6& address, const std::array<std::uint8_t, N>& prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.begin());
}

// The IPv4 address that an IPv6 one stands for: mapped, compatible (RFC 4291), NAT64 (RFC 6052) or 6to4 (RFC 3056).
std::optional<std::uint32_t> embedded_ipv4(const Ipv6& a) {
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  constexpr std::array<std::uint8_t, 12> kCompatible = {};
  constexpr std::array<std::uint8_t, 12> kNat64 = {0, 0x64, 0xFF, 0x9B};
  constexpr std::array<std::uint8_t, 2> k6to4 = {0x20, 0x02};
  if (has_prefix(a, kMapped) || has_prefix(a, kCompatible) || has_prefix(a, kNat64)) {
    return ipv4(a[12], a[13], a[14], a[15]);
  }
  if (has_prefix(a, k6to4)) return ipv4(a[2], a[3], a[4], a[5]);
  return std::nullopt;
}

bool ipv6_allowed(const Ipv6& address, Egress egress) {
  constexpr std::array<std::uint8_t, 4> kAwsMetadata = {0xFD, 0x00, 0x0E, 0xC2};
  constexpr std::array<std::uint8_t, 4> kDocumentation = {0x20, 0x01, 0x0D, 0xB8};
  constexpr std::array<std::uint8_t, 4> kTeredo = {0x20, 0x01, 0x00, 0x00};
  if (has_prefix(address, kAwsMetadata)) return false;
  if (const auto inner = embedded_ipv4(address)) return ipv4_allowed(*inner, egress);
  if (egress == Egress::any) return true;
  const bool global_unicast = (address[0] & 0xE0) == 0x20;  // 2000::/3
  return global_unicast && !has_prefix(address, kDocumentation) && !has_prefix(address, kTeredo);
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
