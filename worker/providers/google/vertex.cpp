#include "worker/providers/google/vertex.hpp"

#include <utility>

#include "worker/providers/anthropic_messages/api.hpp"
#include "worker/providers/codec/event_json.hpp"
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

std::expected<BuiltRequest, Error> start(const StepInput& input, std::string_view publisher,
                                         std::string_view operation) {
  auto url = model_url(input.target, publisher);
  if (!url) return std::unexpected(std::move(url.error()));
  auto request = start_json_post(url->append(operation), "text/event-stream", input);
  if (!request) return std::unexpected(std::move(request.error()));
  return BuiltRequest{*std::move(request), {}};
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

std::expected<ModelPage, Error> read_vertex_models(std::string_view body) {
  EventJson json;
  const auto root = json.parse(body);
  if (!root || !root->is_object()) {
    return std::unexpected(upstream_fault("bad_response", "the list of models is no JSON object", false));
  }
  ModelPage page;
  page.next = json.plain_text(get_string_or_empty(*root, "nextPageToken"));
  const auto models = get_array(*root, "publisherModels");
  if (!models) return page;
  for (const JsonElement model : *models) {
    std::string id = json.plain_text(get_string_or_empty(model, "name"));
    id.erase(0, id.rfind('/') + 1);
    if (!id.empty()) page.models.push_back({std::move(id), {}, {}, {}});
  }
  return page;
}

}  // namespace

Api vertex_api_of(std::string_view model) {
  const auto name = model.substr(model.rfind('/') + 1);
  return name.starts_with("claude") ? Api::vertex_anthropic : Api::vertex;
}

std::expected<BuiltRequest, Error> build_vertex(const StepInput& input) {
  auto built = start(input, "google", operation_suffix(input.chat));
  if (!built) return built;
  auto body = build_body(input);
  if (!body) return std::unexpected(std::move(body.error()));
  built->http.body = std::move(body->body);
  built->notes = std::move(body->notes);
  return built;
}

std::expected<BuiltRequest, Error> build_vertex_anthropic(const StepInput& input) {
  auto built = start(input, "anthropic", input.chat.stream.upstream ? ":streamRawPredict" : ":rawPredict");
  if (!built) return built;
  auto body = anthropic_messages::build_body(input, anthropic_messages::Host::vertex);
  if (!body) return std::unexpected(std::move(body.error()));
  anthropic_messages::add_betas(built->http, body->betas);
  built->http.body = std::move(body->body);
  built->notes = std::move(body->notes);
  return built;
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
