// A reverse proxy that forwards a worker's requests to their real providers and remembers the exchanges.
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
  std::string path;  // as the provider saw it, with the query
  std::string request_body;
  ForwardResponse response;
};

// Where the requests of one provider go. The worker reaches it below route_prefix().
struct ProxyRoute {
  std::string base_url;  // the real one, without trailing slashes
  // Placeholders in the worker's headers and paths, and the keys that are sent instead.
  std::vector<std::pair<std::string, std::string>> substitutions;
};

// The path prefix of route `index`, to which the base URL's own path is added.
std::string route_prefix(std::size_t index);

class RecordingProxy {
 public:
  explicit RecordingProxy(std::vector<ProxyRoute> routes) : routes_(std::move(routes)) {}

  // Blocks until the provider's answer is whole: a recording serves one chat, whose requests come one after another.
  // Called on the server's thread.
  Script handle(const Request& request);

  [[nodiscard]] std::vector<RecordedExchange> exchanges() const;
  // Failures to reach a provider, in words.
  [[nodiscard]] std::vector<std::string> failures() const;

 private:
  [[nodiscard]] ForwardRequest to_provider(const Request& request, const ProxyRoute& route,
                                           const std::string& path) const;

  const std::vector<ProxyRoute> routes_;
  mutable std::mutex mutex_;  // guards what follows
  std::vector<RecordedExchange> exchanges_;
  std::vector<std::string> failures_;
};

}  // namespace aiw::tools
