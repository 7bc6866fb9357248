// HTTP client on libcurl's multi interface, driven by the loop. Only the curl_* units use libcurl.
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
  // Limit on connections, in use or idle. An exchange that finds none free waits until its connect timeout.
  std::size_t max_connections = 1024;
  // Limit on those used by exchanges without an own connection (HttpLimits).
  std::size_t max_shared_connections = 512;
  std::size_t max_lookups = 256;  // limit on concurrent name look-ups
  std::string ca_file = {};       // trusted certificates in PEM; empty: the system's
  std::string proxy = {};         // proxy for https; empty: from https_proxy or all_proxy
  // Client certificate (PEM file). Sent only to the hosts in client_cert_hosts, because it reveals our identity.
  std::string client_cert = {};
  std::string client_key = {};  // PEM file; empty: the key is in client_cert
  std::vector<std::string> client_cert_hosts = {};
};

// `loop` must outlive the client; transfers must be destroyed before it. Cheap to create: the first request loads and
// initializes libcurl, which takes about 5 ms. Removes SSLKEYLOGFILE from the environment.
std::unique_ptr<HttpClient> make_curl_client(Loop& loop, const CurlClientOptions& options);

}  // namespace aiw
