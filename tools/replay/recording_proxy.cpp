#include "tools/replay/recording_proxy.hpp"

#include <set>
#include <string_view>

#include "tools/replay/cassette.hpp"

namespace aiw::tools {
namespace {

// Headers of the connection between worker and proxy (RFC 9110, 7.6.1), and headers that libcurl sets itself.
const std::set<std::string, std::less<>> kOwnHeaders = {"host",   "connection",        "content-length",
                                                        "expect", "transfer-encoding", "accept-encoding"};

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  if (from.empty()) return text;
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string with_keys(std::string text, const ProxyRoute& route) {
  for (const auto& [placeholder, key] : route.substitutions) text = replace_all(std::move(text), placeholder, key);
  return text;
}

std::string origin(const std::string& url) { return url.substr(0, url.size() - url_path(url).size()); }

Script to_script(const ForwardResponse& response) {
  Script script;
  script.status = response.status;
  for (const auto& [name, value] : response.headers) {
    if (name != "content-encoding" && !kOwnHeaders.contains(name)) script.headers.emplace_back(name, value);
  }
  script.body = response.body;
  return script;
}

}  // namespace

std::string route_prefix(std::size_t index) { return "/provider-" + std::to_string(index); }

ForwardRequest RecordingProxy::to_provider(const Request& request, const ProxyRoute& route,
                                           const std::string& path) const {
  ForwardRequest out{request.method, origin(route.base_url) + with_keys(path, route), {}, request.body};
  for (const auto& [name, value] : request.headers) {
    if (kOwnHeaders.contains(name)) continue;
    out.headers.emplace_back(name, with_keys(value, route));
  }
  return out;
}

Script RecordingProxy::handle(const Request& request) {
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const std::string prefix = route_prefix(i);
    if (!request.target.starts_with(prefix + "/")) continue;
    const std::string path = request.target.substr(prefix.size());
    auto response = forward(to_provider(request, routes_[i], path));
    const std::lock_guard lock(mutex_);
    if (!response) {
      failures_.push_back(response.error());
      Script broken;
      broken.before_head = true;
      broken.ending = Ending::kReset;
      return broken;
    }
    exchanges_.push_back({request.method, path, request.body, *response});
    return to_script(*response);
  }
  const std::lock_guard lock(mutex_);
  failures_.emplace_back("the worker asked for a path of no provider");
  return json_script(404, R"({"error":{"message":"no such provider"}})");
}

std::vector<RecordedExchange> RecordingProxy::exchanges() const {
  const std::lock_guard lock(mutex_);
  return exchanges_;
}

std::vector<std::string> RecordingProxy::failures() const {
  const std::lock_guard lock(mutex_);
  return failures_;
}

}  // namespace aiw::tools
