// The HTTP client on libcurl's multi interface, driven by the loop. The only unit that knows libcurl.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "worker/base/http_client.hpp"
#include "worker/io/loop.hpp"

namespace aiw {

enum class Egress {
  any,          // every address but link-local metadata services
  public_only,  // and no private, loopback or link-local ones
};

struct CurlClientOptions {
  Egress egress = Egress::any;
  std::size_t max_host_connections = 0;  // 0: no limit
};

// `loop` outlives the client; transfers must be destroyed before it.
std::unique_ptr<HttpClient> make_curl_client(Loop& loop, const CurlClientOptions& options);

}  // namespace aiw
