#include "worker/providers/google/vertex.hpp"

#include <utility>

#include "worker/providers/anthropic_messages/api.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/request.hpp"
#include "worker/providers/google/api.hpp"
#include "worker/providers/google/request.hpp"
#include "worker/providers/google/service_account.hpp"

namespace aiw::google {
namespace {

constexpr std::string_view kVersion = "v1";
constexpr std::string_view kPublishers = "publishers/";

// One segment of a path, and no way out of it.
bool is_segment(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && text.find_first_of("/?#%\\") == std::string_view::npos;
}

std::string project_of(const Target& target) {
  if (!target.project.empty() || target.credentials.empty()) return target.project;
  const auto account = read_service_account(target.credentials);
  return account ? account->project_id : std::string();
}

// Where the models of all publishers are: .../v1/projects/P/locations/L. A base URL may bring all of it, and with an
// API key ("express mode") there is no project.
std::expected<std::string, Error> place_of(const Target& target) {
  if (target.base_url.contains("/projects/")) return target.base_url;
  std::string url = with_api_version(target.base_url, kVersion);
  const std::string project = project_of(target);
  if (project.empty() && target.auth == Auth::x_goog_api_key) return url;
  const std::string_view location = target.region.empty() ? "global" : std::string_view(target.region);
  if (!is_segment(project) || !is_segment(location)) {
    return std::unexpected(
        invalid_request("Vertex AI needs a project (and a region): one is missing, or has a "
                        "character that it may not have",
                        "/payload/config/providers"));
  }
  return url.append("/projects/").append(project).append("/locations/").append(location);
}

// "gemini-2.5-pro", or a whole name: "publishers/meta/models/llama", "endpoints/123".
std::expected<std::string, Error> model_url(const Target& target, std::string_view publisher) {
  auto url = place_of(target);
  if (!url) return url;
  const std::string model = encode_path(target.model);
  if (model.starts_with(kPublishers) || model.starts_with("endpoints/")) return join_url(*url, model);
  if (!url->contains("/publishers/")) url->append("/").append(kPublishers).append(publisher);
  return url->append("/models/").append(model);
}

std::expected<HttpRequest, Error> list_vertex_models(const Target& target, std::string_view page,
                                                     std::chrono::sys_seconds) {
  // Lists are in the beta only, and belong to no project.
  const std::string_view base(target.base_url);
  std::string url = with_api_version(base.substr(0, base.find("/projects/")), "v1beta1");
  if (url.ends_with("/v1")) url += "beta1";
  url += "/publishers/google/models?pageSize=200";
  if (!page.empty()) url += "&pageToken=" + encode_path(page);
  RequestHeaders own = {{"Accept", "application/json", false}};
  // Whose quota it counts on, which no path says here.
  if (const auto project = project_of(target); !project.empty()) {
    static_cast<void>(own.set({"x-goog-user-project", project, false}));
  }
  return start_request("GET", std::move(url), std::move(own), target);
}

ModelInfo read_vertex_model(const EventJson& json, const JsonElement& model) {
  std::string id = json.plain_text(get_string_or_empty(model, "name"));
  id.erase(0, id.rfind('/') + 1);
  return {std::move(id), {}, {}, {}};
}

std::expected<ModelPage, Error> read_vertex_models(std::string_view body) {
  return read_model_page(body, "publisherModels", read_vertex_model);
}

}  // namespace

Api vertex_api_of(std::string_view model) {
  const auto name = model.substr(model.rfind('/') + 1);
  return name.starts_with("claude") ? Api::vertex_anthropic : Api::vertex;
}

std::expected<BuiltRequest, Error> build_vertex(const StepInput& input) {
  auto url = model_url(input.target, "google");
  if (!url) return std::unexpected(std::move(url.error()));
  return build_request_of(*std::move(url), input);
}

std::expected<BuiltRequest, Error> build_vertex_anthropic(const StepInput& input) {
  auto url = model_url(input.target, "anthropic");
  if (!url) return std::unexpected(std::move(url.error()));
  url->append(input.chat.stream.upstream ? ":streamRawPredict" : ":rawPredict");
  auto request = start_json_post(*std::move(url), "text/event-stream", input);
  if (!request) return std::unexpected(std::move(request.error()));
  auto body = anthropic_messages::build_body(input, anthropic_messages::Host::vertex);
  if (!body) return std::unexpected(std::move(body.error()));
  anthropic_messages::add_betas(*request, body->betas);
  request->body = std::move(body->body);
  return BuiltRequest{*std::move(request), std::move(body->notes)};
}

const WireApi& vertex_api() {
  static constexpr WireApi kApi = {build_vertex, make_decoder, http_error, list_vertex_models, read_vertex_models};
  return kApi;
}

const WireApi& vertex_anthropic_api() {
  static constexpr WireApi kApi = {
      build_vertex_anthropic,          anthropic_messages::make_decoder, http_error, nullptr, nullptr,
      anthropic_messages::kPauseReason};
  return kApi;
}

}  // namespace aiw::google
