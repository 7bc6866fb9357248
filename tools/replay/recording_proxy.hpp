// Reverse proxy that forwards a worker's requests to the real providers and records the exchanges.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "tools/replay/http_forward.hpp"
#include "tools/support/upstream_server.hpp"

namespace aiw::tools {

struct RecordedExchange {
  std::string method;
  std::string path;  // path sent to the provider, including the query
  std::string request_body;
  ForwardResponse response;
};

// Target of one provider's requests. The worker reaches it below route_prefix().
struct ProxyRoute {
  std::string base_url;  // URL of the real provider, without trailing slashes
  // Placeholders in the worker's headers and paths, each with the key that replaces it.
  std::vector<std::pair<std::string, std::string>> substitutions;
};

// Returns the path prefix of route `index`. The path of the base URL follows it.
std::string route_prefix(std::size_t index);

class RecordingProxy {
 public:
  explicit RecordingProxy(std::vector<ProxyRoute> routes) : routes_(std::move(routes)) {}

  // Blocks until the provider's response is complete. This is enough, because a recording serves one chat with
  // sequential requests. Called on the server's thread.
  Script handle(const Request& request);

  [[nodiscard]] std::vector<RecordedExchange> exchanges() const;
  // Returns descriptions of failures to reach a provider.
  [[nodiscard]] std::vector<std::string> failures() const;

 private:
  [[nodiscard]] ForwardRequest to_provider(const Request& request, const ProxyRoute& route,
                                           const std::string& path) const;

  const std::vector<ProxyRoute> routes_;
  mutable std::mutex mutex_;  // guards the members below
  std::vector<RecordedExchange> exchanges_;
  std::vector<std::string> failures_;
};

}  // namespace aiw::tools
