#include "worker/providers/google/api.hpp"

#include <utility>

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

ModelInfo read_gemini_model(const EventJson& json, const JsonElement& model) {
  std::string id = json.plain_text(get_string_or_empty(model, "name"));
  if (id.starts_with(kModels)) id.erase(0, kModels.size());
  return {std::move(id), json.plain_text(get_string_or_empty(model, "displayName")),
          get_count(model, "inputTokenLimit"), get_count(model, "outputTokenLimit")};
}

std::expected<ModelPage, Error> read_gemini_models(std::string_view body) {
  return read_model_page(body, "models", read_gemini_model);
}

}  // namespace

std::expected<BuiltRequest, Error> build_gemini(const StepInput& input) {
  const auto url = with_api_version(input.target.base_url, kVersion);
  return build_request_of(join_url(url, model_path(input.target.model)), input);
}

const WireApi& gemini_api() {
  static constexpr WireApi kApi = {build_gemini, make_decoder, http_error, list_gemini_models, read_gemini_models};
  return kApi;
}

}  // namespace aiw::google
