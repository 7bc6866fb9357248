// The HTTP client on libcurl's multi interface, driven by the loop. Only the curl_* units know libcurl.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "worker/base/http_client.hpp"
#include "worker/io/egress.hpp"
#include "worker/io/loop.hpp"

namespace aiw {

struct CurlClientOptions {
  Egress egress = Egress::any;
  std::size_t max_host_connections = 0;  // 0: no limit
  std::string ca_file = {};              // trusted certificates in PEM; empty: the system's
};

// `loop` outlives the client; transfers must be destroyed before it. Cheap: libcurl is loaded and initialised by the
// first request, which takes about 5 ms then. Takes SSLKEYLOGFILE out of the environment.
std::unique_ptr<HttpClient> make_curl_client(Loop& loop, const CurlClientOptions& options);

}  // namespace aiw
