#include "worker/providers/openai_chat/azure.hpp"

#include "worker/base/url.hpp"
namespace aiw::openai_chat {
namespace {

// Dated versions are of the API with deployments; "preview", "latest" and "v1" are names of the v1 API.
bool is_dated(std::string_view version) { return !version.empty() && version[0] >= '0' && version[0] <= '9'; }

bool names_a_deployment(std::string_view base) {
  constexpr std::string_view kDeployments = "/openai/deployments/";
  const std::size_t at = base.rfind(kDeployments);
  return at != std::string_view::npos && base.find('/', at + kDeployments.size()) == std::string_view::npos;
}

}  // namespace

// https://learn.microsoft.com/azure/ai-foundry/openai/reference and .../openai/api-version-lifecycle
std::string azure_url(const Target& target, std::string_view operation) {
  std::string_view base = target.base_url;
  while (base.ends_with('/')) base.remove_suffix(1);
  std::string url(base);
  const bool complete = base.ends_with("/openai/v1") || base.ends_with("/models") || names_a_deployment(base);
  if (!complete) {
    if (!base.ends_with("/openai")) url += "/openai";
    const bool of_deployment = operation == "chat/completions";
    if (!is_dated(target.api_version)) {
      url += "/v1";
    } else if (of_deployment) {
      url += "/deployments/";
      url += percent_encode(target.model);
    }
  }
  url.append("/").append(operation);
  if (target.api_version.empty()) return url;
  url += "?api-version=";
  url += percent_encode(target.api_version);
  return url;
}

}  // namespace aiw::openai_chat
