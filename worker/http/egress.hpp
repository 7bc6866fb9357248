// Which addresses a request may connect to, decided on the resolved address so that no name or spelling gets around it.
#pragma once

#include <sys/socket.h>

namespace aiw {

enum class Egress {
  any,          // every address but cloud metadata services
  public_only,  // and no private, loopback, link-local or otherwise special ones
};

// Families other than IPv4 and IPv6 are refused.
bool egress_allowed(const sockaddr& address, Egress egress);

}  // namespace aiw
