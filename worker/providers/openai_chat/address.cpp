#include "worker/providers/openai_chat/address.hpp"

#include "worker/base/http_message.hpp"
#include "worker/base/url.hpp"
#include "worker/providers/provider_defaults.hpp"

namespace aiw::openai_chat {
namespace {

// Returns the part from the first slash after the host; empty if there is none.
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

// Dated versions belong to the API with deployments; "preview", "latest" and "v1" to the v1 API.
bool is_dated(std::string_view version) { return !version.empty() && version[0] >= '0' && version[0] <= '9'; }

bool names_a_deployment(std::string_view base) {
  constexpr std::string_view kDeployments = "/openai/deployments/";
  const std::size_t at = base.rfind(kDeployments);
  return at != std::string_view::npos && base.find('/', at + kDeployments.size()) == std::string_view::npos;
}

// URLs of Azure OpenAI: some name a deployment, those of the v1 API do not. The base URL is the resource, or includes
// the start of the API's path: /openai, /openai/v1, /openai/deployments/NAME, /models (model inference).
// https://learn.microsoft.com/azure/ai-foundry/openai/reference and .../openai/api-version-lifecycle
std::string azure_url(const Target& target, std::string_view base, std::string_view operation) {
  std::string url(base);
  const bool is_complete = base.ends_with("/openai/v1") || base.ends_with("/models") || names_a_deployment(base);
  if (!is_complete) {
    if (!base.ends_with("/openai")) url += "/openai";
    if (!is_dated(target.api_version)) {
      url += "/v1";
    } else if (operation == "chat/completions") {
      url += "/deployments/" + percent_encode(target.model);
    }
  }
  url.append("/").append(operation);
  if (!target.api_version.empty()) url += "?api-version=" + percent_encode(target.api_version);
  return url;
}

}  // namespace

std::string openai_url(const Target& target, std::string_view operation) {
  std::string_view base = target.base_url;
  while (base.ends_with('/')) base.remove_suffix(1);
  const bool is_azure = target.api == Api::azure_openai || target.api == Api::azure_openai_responses;
  if (is_azure) return azure_url(target, base, operation);
  std::string url(base);
  if (path_of(base).empty()) url += own_path(target);
  return join_url(url, operation);
}

}  // namespace aiw::openai_chat
