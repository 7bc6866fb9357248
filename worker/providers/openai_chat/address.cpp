#include "worker/providers/openai_chat/address.hpp"

#include "worker/base/http_message.hpp"
#include "worker/base/url.hpp"
#include "worker/providers/openai_chat/azure.hpp"
#include "worker/providers/provider_defaults.hpp"

namespace aiw::openai_chat {
namespace {

// From the first slash after the host; empty if there is none.
std::string_view path_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t slash = scheme == std::string_view::npos ? scheme : url.find('/', scheme + 3);
  return slash == std::string_view::npos ? std::string_view() : url.substr(slash);
}

std::string_view own_path(const Target& target) {
  if (target.known == nullptr) return {};
  if (target.known->base_url.empty()) return target.known->path;
  const auto host = parse_base_url(target.base_url);
  const auto own_host = parse_base_url(target.known->base_url);
  if (!host || !own_host) return {};
  const bool is_own = host->host == own_host->host || is_loopback(own_host->host);
  return is_own ? path_of(target.known->base_url) : std::string_view();
}

}  // namespace

std::string openai_url(const Target& target, std::string_view operation) {
  if (target.api == Api::azure_openai || target.api == Api::azure_openai_responses) return azure_url(target, operation);
  std::string_view base = target.base_url;
  while (base.ends_with('/')) base.remove_suffix(1);
  std::string url(base);
  if (path_of(base).empty()) url += own_path(target);
  return join_url(url, operation);
}

}  // namespace aiw::openai_chat
