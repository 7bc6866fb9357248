#include <utility>

#include "protocol/codes.hpp"
#include "worker/base/url.hpp"
#include "worker/providers/anthropic_messages/decoder.hpp"
#include "worker/providers/anthropic_messages/request.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/request.hpp"
#include "worker/providers/google/request.hpp"
#include "worker/providers/google/service_account.hpp"
#include "worker/providers/wire_apis.hpp"

namespace aiw::google {
namespace {

constexpr std::string_view kGeminiVersion = "v1beta";  // the only one with all features
constexpr std::string_view kVertexVersion = "v1";
constexpr std::string_view kModels = "models/";
constexpr std::string_view kPublishers = "publishers/";

// "v1", "v1beta", "v1beta1", "v1alpha"
bool is_version(std::string_view segment) {
  return segment.size() >= 2 && segment[0] == 'v' && segment[1] >= '1' && segment[1] <= '9' &&
         segment.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string_view::npos;
}

// The base URL with its version: the one that it ends in, else `version`.
std::string with_api_version(std::string_view base_url, std::string_view version) {
  while (base_url.ends_with('/')) base_url.remove_suffix(1);
  if (is_version(base_url.substr(base_url.rfind('/') + 1))) return std::string(base_url);
  return join_url(base_url, version);
}

// A model's name, or a path of names, for a URL.
std::string encode_path(std::string_view text) {
  constexpr std::string_view kKept = "/:@";  // "publishers/x/models/y", "claude-sonnet-4@20250514"
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    out += kKept.contains(text[i]) ? std::string(1, text[i]) : percent_encode(text.substr(i, 1));
  }
  return out;
}

// A page of the list of models under `key`. `read_model` gives one without an id to leave it out.
std::expected<ModelPage, Error> read_model_page(std::string_view body, std::string_view key,
                                                ModelInfo (*read_model)(const EventJson&, const JsonElement&)) {
  EventJson json;
  const auto root = json.parse(body);
  if (!root || !root->is_object()) {
    return std::unexpected(upstream_fault(error_code::bad_response, "the list of models is not a JSON object", false));
  }
  ModelPage page;
  page.next = json.text(*root, "nextPageToken");
  const auto models = get_array(*root, key);
  if (!models) return page;
  for (const JsonElement model : *models) {
    auto info = read_model(json, model);
    if (!info.id.empty()) page.models.push_back(std::move(info));
  }
  return page;
}

// --- AI Studio

// "gemini-2.5-pro", or a resource's whole name: "models/gemini-2.5-pro", "tunedModels/mine".
std::string model_path(std::string_view model) {
  return model.contains('/') ? encode_path(model) : std::string(kModels) + encode_path(model);
}

std::expected<HttpRequest, Error> list_gemini_models(const Target& target, std::string_view page,
                                                     std::chrono::sys_seconds) {
  std::string url = join_url(with_api_version(target.base_url, kGeminiVersion), "models?pageSize=1000");
  if (!page.empty()) url += "&pageToken=" + encode_path(page);
  return start_request("GET", std::move(url), {{"Accept", "application/json", false}}, target);
}

std::expected<ModelPage, Error> read_gemini_models(std::string_view body) {
  return read_model_page(body, "models", [](const EventJson& json, const JsonElement& model) {
    std::string id = json.text(model, "name");
    if (id.starts_with(kModels)) id.erase(0, kModels.size());
    return ModelInfo{std::move(id), json.text(model, "displayName"), get_count(model, "inputTokenLimit"),
                     get_count(model, "outputTokenLimit")};
  });
}

// --- Vertex AI

// True for one segment of a path that cannot leave it.
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
  std::string url = with_api_version(target.base_url, kVertexVersion);
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
  // The project whose quota is used: the path does not name it.
  if (const auto project = project_of(target); !project.empty()) {
    static_cast<void>(own.set({"x-goog-user-project", project, false}));
  }
  return start_request("GET", std::move(url), std::move(own), target);
}

std::expected<ModelPage, Error> read_vertex_models(std::string_view body) {
  return read_model_page(body, "publisherModels", [](const EventJson& json, const JsonElement& model) {
    std::string id = json.text(model, "name");
    id.erase(0, id.rfind('/') + 1);
    return ModelInfo{std::move(id), {}, {}, {}};
  });
}

std::expected<BuiltRequest, Error> build_gemini(const StepInput& input) {
  const auto url = with_api_version(input.target.base_url, kGeminiVersion);
  return build_request_of(join_url(url, model_path(input.target.model)), input);
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
  return anthropic_messages::build_for(anthropic_messages::Host::vertex,
                                       start_json_post(*std::move(url), "text/event-stream", input), input);
}

}  // namespace

const WireApi kGeminiApi = {build_gemini, make_decoder, http_error, list_gemini_models, read_gemini_models};
const WireApi kVertexApi = {build_vertex, make_decoder, http_error, list_vertex_models, read_vertex_models};
const WireApi kVertexAnthropicApi = {
    build_vertex_anthropic,          make_sse_decoder<anthropic_messages::Decoder>, http_error, nullptr, nullptr,
    anthropic_messages::kPauseReason};

}  // namespace aiw::google
