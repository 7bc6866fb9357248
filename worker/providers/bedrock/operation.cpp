#include "worker/providers/bedrock/operation.hpp"

#include <algorithm>
#include <utility>

#include "worker/base/url.hpp"
#include "worker/providers/bedrock/sigv4.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw::bedrock {
namespace {

constexpr std::string_view kConfigPointer = "/payload/config/providers";

// The region that the target names, by its config or its host; empty: none. Hosts are
// bedrock-runtime.REGION.amazonaws.com, bedrock-runtime-fips.REGION… and
// vpce-ID.bedrock-runtime.REGION.vpce.amazonaws.com.
std::string region_of(const Target& target) {
  if (!target.region.empty()) return target.region;
  const auto url = parse_base_url(target.base_url);
  if (!url) return {};
  std::string_view rest = url->host;
  while (!rest.empty()) {
    const auto label = rest.substr(0, rest.find('.'));
    rest.remove_prefix(std::min(label.size() + 1, rest.size()));
    if (label == "bedrock-runtime" || label == "bedrock-runtime-fips")
      return std::string(rest.substr(0, rest.find('.')));
  }
  return {};
}

}  // namespace

std::expected<HttpRequest, Error> start_operation(std::string_view operation, const StepInput& input) {
  const Target& target = input.target;
  if (target.base_url.contains("://bedrock-runtime..")) {
    return std::unexpected(invalid_request("Amazon Bedrock needs a region or a baseUrl", kConfigPointer));
  }
  std::string path = "model/" + percent_encode(target.model) + "/";
  path += operation;
  return start_json_post(join_url(target.base_url, path), "application/vnd.amazon.eventstream", input);
}

std::expected<BuiltRequest, Error> finish_operation(HttpRequest request, std::vector<ChatRequest::Note> notes,
                                                    const StepInput& input) {
  const Target& target = input.target;
  // The config's own Authorization header wins, as it does over a key.
  if (target.auth == Auth::sigv4 && request.headers.find("authorization") == nullptr) {
    if (target.aws.access_key_id.empty() || target.aws.secret_access_key.empty()) {
      return std::unexpected(invalid_request("signing needs accessKeyId and secretAccessKey", kConfigPointer));
    }
    const std::string region = region_of(target);
    if (region.empty()) return std::unexpected(invalid_request("signing needs the provider's region", kConfigPointer));
    auto done = sign_sigv4(request, target.aws, {.region = region, .service = "bedrock", .now = input.now});
    if (!done) return std::unexpected(std::move(done).error());
  }
  return BuiltRequest{std::move(request), std::move(notes)};
}

}  // namespace aiw::bedrock
