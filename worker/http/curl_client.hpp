// The HTTP client on libcurl's multi interface, driven by the loop. Only the curl_* units know libcurl.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "worker/base/http_client.hpp"
#include "worker/http/egress.hpp"
#include "worker/io/loop.hpp"

namespace aiw {

struct CurlClientOptions {
  Egress egress = Egress::any;
  // Descriptors that connections may take, in use or kept; an exchange that finds none waits until its connect timeout.
  std::size_t max_connections = 1024;
  // Of these, in use by what has no connection of its own (HttpLimits).
  std::size_t max_shared_connections = 512;
  std::size_t max_lookups = 256;  // of names at once
  std::string ca_file = {};       // trusted certificates in PEM; empty: the system's
  std::string proxy = {};         // for https; empty: as https_proxy and all_proxy say
  // A certificate of ours, PEM files, shown to the hosts that are named and to no others: it says who we are.
  std::string client_cert = {};
  std::string client_key = {};  // empty: it is in client_cert
  std::vector<std::string> client_cert_hosts = {};
};

// `loop` outlives the client; transfers must be destroyed before it. Cheap: libcurl is loaded and initialised by the
// first request, which takes about 5 ms then. Takes SSLKEYLOGFILE out of the environment.
std::unique_ptr<HttpClient> make_curl_client(Loop& loop, const CurlClientOptions& options);

}  // namespace aiw
