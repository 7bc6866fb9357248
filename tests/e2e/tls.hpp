// Upstreams behind TLS, and the certificates that make them trusted.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/e2e/temporary_folder.hpp"
#include "tests/e2e/upstream.hpp"
#include "tools/support/tls_front.hpp"

namespace aiw::e2e {

// Certificate authority, and certificates signed by it and by others.
struct Certificates {
  TemporaryFolder folder;
  tools::Certificate authority = tools::make_certificate({.common_name = "test authority", .authority = true});
  std::string ca_file = folder.write("ca.pem", authority.cert);
  tools::Certificate good = tools::make_certificate({.names = {"DNS:localhost", "IP:127.0.0.1"}}, &authority);
};

inline std::unique_ptr<tools::TlsFront> front_of(const Upstream& upstream, tools::TlsFrontOptions options) {
  auto front = tools::TlsFront::start(upstream.port(), std::move(options));
  if (!front) FAIL(front.error());
  return *std::move(front);
}

}  // namespace aiw::e2e
