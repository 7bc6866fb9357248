#include "worker/providers/bedrock/operation.hpp"

#include <algorithm>
#include <utility>

#include "worker/base/url.hpp"
#include "worker/providers/bedrock/sigv4.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw::bedrock {
namespace {

constexpr std::string_view kConfigPointer = "/payload/config/providers";
constexpr std::string_view kHostPrefix = "bedrock-runtime";

}  // namespace

// Hosts are bedrock-runtime.REGION.amazonaws.com, bedrock-runtime-fips.REGION… and
// vpce-ID.bedrock-runtime.REGION.vpce.amazonaws.com.
std::string region_of(const Target& target) {
  if (!target.region.empty()) return target.region;
  const auto url = parse_base_url(target.base_url);
  if (!url) return {};
  std::string_view rest = url->host;
  while (!rest.empty()) {
    const auto label = rest.substr(0, rest.find('.'));
    rest.remove_prefix(std::min(label.size() + 1, rest.size()));
    if (label == kHostPrefix || label == "bedrock-runtime-fips") return std::string(rest.substr(0, rest.find('.')));
  }
  return {};
}

std::expected<HttpRequest, Error> start_operation(std::string_view operation, const StepInput& input) {
  const Target& target = input.target;
  if (target.base_url.find("://bedrock-runtime..") != std::string::npos) {
    return std::unexpected(invalid_request("Amazon Bedrock needs a region or a baseUrl", kConfigPointer));
  }
  std::string path = "model/" + percent_encode(target.model) + "/";
  path += operation;
  return start_json_post(join_url(target.base_url, path), "application/vnd.amazon.eventstream", input);
}

std::expected<void, Error> authorise(HttpRequest& request, const StepInput& input) {
  const Target& target = input.target;
  // The config's own Authorization header wins, as it does over a key.
  if (target.auth != Auth::sigv4 || request.headers.find("authorization") != nullptr) return {};
  if (target.aws.access_key_id.empty() || target.aws.secret_access_key.empty()) {
    return std::unexpected(invalid_request("signing needs accessKeyId and secretAccessKey", kConfigPointer));
  }
  const std::string region = region_of(target);
  if (region.empty()) return std::unexpected(invalid_request("signing needs the provider's region", kConfigPointer));
  return sign_sigv4(request, target.aws, {.region = region, .service = "bedrock", .now = input.now});
}

}  // namespace aiw::bedrock
