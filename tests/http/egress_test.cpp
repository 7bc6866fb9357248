#include "worker/http/egress.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>

#include <cstring>
#include <initializer_list>

namespace {

using aiw::Egress;

bool allowed(const char* text, Egress egress) {
  CAPTURE(text);
  sockaddr_storage storage{};
  sockaddr_in in{};
  sockaddr_in6 in6{};
  if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
    in.sin_family = AF_INET;
    std::memcpy(&storage, &in, sizeof in);
  } else {
    REQUIRE(inet_pton(AF_INET6, text, &in6.sin6_addr) == 1);
    in6.sin6_family = AF_INET6;
    std::memcpy(&storage, &in6, sizeof in6);
  }
  return aiw::egress_allowed(reinterpret_cast<const sockaddr&>(storage), egress);
}

}  // namespace

TEST_CASE("metadata services are never reached") {
  for (const char* address :
       {"169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "fd00:ec2::254",
        "::ffff:169.254.169.254", "::169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"}) {
    CAPTURE(address);
    CHECK_FALSE(allowed(address, Egress::any));
    CHECK_FALSE(allowed(address, Egress::public_only));
  }
}

TEST_CASE("fault 98: IPv6 metadata services are never reached, nor IPv4 ones in any form that IPv6 has for them") {
  for (const char* address : {"fd00:ec2::254",
                              "fd00:ec2::23",
                              "fd20:ce::254",
                              "fd00:c1::a9fe:a9fe",
                              "fd00:42::42",
                              "fd00:a9fe:a9fe::1",
                              "fd00:100::100:200",
                              "FD20:00CE:0:0:0:0:0:0254",
                              "fd00:c1::169.254.169.254",
                              "fe80::a9fe:a9fe",
                              "192.0.0.192",
                              "::ffff:a9fe:a9fe",
                              "0:0:0:0:0:ffff:169.254.169.254",
                              "::a9fe:a9fe",
                              "::ffff:0:a9fe:a9fe",
                              "::ffff:0:169.254.169.254",
                              "64:ff9b::169.254.169.254",
                              "64:ff9b:1::a9fe:a9fe",
                              "64:ff9b:1:a9fe:a9:fe00::",
                              "64:ff9b:1:00a9:fe:a9fe::",
                              "64:ff9b:1:ffff:a9:fea9:fe00:0",
                              "64:ff9b:1:abcd:1:2:a9fe:a9fe",
                              "2002:a9fe:a9fe::1",
                              "2002:a83f:8110::",
                              "2001:0:a9fe:a9fe::1",
                              "2001::5601:5601",
                              "2001:0:808:808:0:0:5601:5601",
                              "2a00:1:2:3:0:5efe:a9fe:a9fe",
                              "2a00:1:2:3:200:5efe:a9fe:a9fe",
                              "fe80::5efe:a9fe:a9fe",
                              "::ffff:100.100.100.200",
                              "::ffff:0:168.63.129.16",
                              "64:ff9b::6464:64c8",
                              "::ffff:192.0.0.192"}) {
    CAPTURE(address);
    CHECK_FALSE(allowed(address, Egress::any));
    CHECK_FALSE(allowed(address, Egress::public_only));
  }
}

TEST_CASE("fault 98: what only looks like a metadata service is reached as before") {
  for (const char* address :
       {"fd00:42::43", "fd20:ce::253", "fd00:c1::1", "fd00:100::1", "fe80::1", "fe80::1:a9fe:a9fe", "fd12::a9fe:a9fe",
        "64:ff9b:1::a00:1", "2001:0:808:808::f7f7:f7f7", "2a00:1:2:3:0:5efe:808:808", "::ffff:0:10.0.0.1"}) {
    CAPTURE(address);
    CHECK(allowed(address, Egress::any));
  }
  for (const char* address : {"2600:1::a9fe:a9fe", "2a00:1:2:3:0:5efe:808:808", "::ffff:0:8.8.8.8"}) {
    CAPTURE(address);
    CHECK(allowed(address, Egress::public_only));
  }
  for (const char* address :
       {"2a00:1:2:3:0:5efe:a00:1", "64:ff9b:1::808:808", "2001:0:808:808::f7f7:f7f7", "3fff::1"}) {
    CAPTURE(address);
    CHECK_FALSE(allowed(address, Egress::public_only));
  }
}

TEST_CASE("private addresses are reached unless egress is public only") {
  for (const char* address : {"127.0.0.1",       "0.0.0.0",    "10.1.2.3",    "172.16.0.1",       "172.31.255.255",
                              "192.168.1.1",     "100.64.0.1", "192.0.0.1",   "198.19.0.1",       "224.0.0.1",
                              "255.255.255.255", "::1",        "::",          "fe80::1",          "fc00::1",
                              "fd12::1",         "ff02::1",    "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
                              "2002:7f00:1::"}) {
    CAPTURE(address);
    CHECK(allowed(address, Egress::any));
    CHECK_FALSE(allowed(address, Egress::public_only));
  }
}

TEST_CASE("public addresses are reached") {
  for (const char* address :
       {"8.8.8.8", "104.18.6.192", "172.15.0.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", "198.20.0.1",
        "223.255.255.255", "2606:4700::6812:6c0", "::ffff:8.8.8.8", "64:ff9b::808:808"}) {
    CAPTURE(address);
    CHECK(allowed(address, Egress::public_only));
  }
}

TEST_CASE("other address families are refused") {
  sockaddr local{};
  local.sa_family = AF_UNIX;
  CHECK_FALSE(aiw::egress_allowed(local, Egress::any));
}
