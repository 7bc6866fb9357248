// Addresses that a request may connect to. Checked on the resolved address, so that no name or spelling avoids the
// check.
#pragma once

#include <sys/socket.h>

namespace aiw {

enum class Egress {
  any,          // all addresses except cloud metadata services
  public_only,  // also excludes private, loopback, link-local and other special addresses
};

// Returns true if a connection to `address` is allowed. Families other than IPv4 and IPv6 are rejected.
bool egress_allowed(const sockaddr& address, Egress egress);

}  // namespace aiw
