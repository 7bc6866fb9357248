#include "worker/providers/google/api.hpp"

#include <utility>

#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/request.hpp"
#include "worker/providers/google/request.hpp"

namespace aiw::google {
namespace {

constexpr std::string_view kVersion = "v1beta";  // the only one with all features
constexpr std::string_view kModels = "models/";

// "gemini-2.5-pro", or a resource's whole name: "models/gemini-2.5-pro", "tunedModels/mine".
std::string model_path(std::string_view model) {
  return model.contains('/') ? encode_path(model) : std::string(kModels) + encode_path(model);
}

std::expected<HttpRequest, Error> list_gemini_models(const Target& target, std::string_view page,
                                                     std::chrono::sys_seconds) {
  std::string url = join_url(with_api_version(target.base_url, kVersion), "models?pageSize=1000");
  if (!page.empty()) url += "&pageToken=" + encode_path(page);
  return start_request("GET", std::move(url), {{"Accept", "application/json", false}}, target);
}

std::expected<ModelPage, Error> read_gemini_models(std::string_view body) {
  EventJson json;
  const auto root = json.parse(body);
  if (!root || !root->is_object()) {
    return std::unexpected(upstream_fault("bad_response", "the list of models is no JSON object", false));
  }
  ModelPage page;
  page.next = json.plain_text(get_string_or_empty(*root, "nextPageToken"));
  const auto models = get_array(*root, "models");
  if (!models) return page;
  for (const JsonElement model : *models) {
    std::string id = json.plain_text(get_string_or_empty(model, "name"));
    if (id.starts_with(kModels)) id.erase(0, kModels.size());
    if (id.empty()) continue;
    page.models.push_back({std::move(id), json.plain_text(get_string_or_empty(model, "displayName")),
                           get_count(model, "inputTokenLimit"), get_count(model, "outputTokenLimit")});
  }
  return page;
}

}  // namespace

std::expected<BuiltRequest, Error> build_gemini(const StepInput& input) {
  std::string url = join_url(with_api_version(input.target.base_url, kVersion), model_path(input.target.model));
  url += operation_suffix(input.chat);
  auto request = start_json_post(std::move(url), "text/event-stream", input);
  if (!request) return std::unexpected(std::move(request.error()));
  auto built = build_body(input);
  if (!built) return std::unexpected(std::move(built.error()));
  request->body = std::move(built->body);
  return BuiltRequest{*std::move(request), std::move(built->notes)};
}

const WireApi& gemini_api() {
  static constexpr WireApi kApi = {build_gemini, make_decoder, http_error, list_gemini_models, read_gemini_models};
  return kApi;
}

}  // namespace aiw::google
