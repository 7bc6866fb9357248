#include "worker/providers/google/request.hpp"

#include <algorithm>
#include <utility>

#include "worker/base/url.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/request.hpp"
#include "worker/providers/google/messages.hpp"
#include "worker/providers/google/options.hpp"

namespace aiw::google {
namespace {

// "v1", "v1beta", "v1beta1", "v1alpha"
bool is_version(std::string_view segment) {
  return segment.size() >= 2 && segment[0] == 'v' && segment[1] >= '1' && segment[1] <= '9' &&
         segment.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string_view::npos;
}

}  // namespace

std::expected<BuiltRequest, Error> build_request_of(std::string model_url, const StepInput& input) {
  model_url += input.chat.stream.upstream ? ":streamGenerateContent?alt=sse" : ":generateContent";
  auto request = start_json_post(std::move(model_url), "text/event-stream", input);
  if (!request) return std::unexpected(std::move(request.error()));
  RequestNotes notes;
  const auto rules = model_rules(input.target.model);
  std::string options = write_options(input, rules, notes);
  options.pop_back();  // the closing brace
  request->body.append(options);
  BodyWriter json(request->body, options.size() > 1);
  auto written = write_conversation(input.chat.system, input.messages, rules, json, notes);
  if (!written) return std::unexpected(std::move(written.error()));
  json.end_object();
  return BuiltRequest{*std::move(request), notes.take()};
}

std::string with_api_version(std::string_view base_url, std::string_view version) {
  while (base_url.ends_with('/')) base_url.remove_suffix(1);
  if (is_version(base_url.substr(base_url.rfind('/') + 1))) return std::string(base_url);
  return join_url(base_url, version);
}

std::string encode_path(std::string_view text) {
  constexpr std::string_view kKept = "/:@";  // "publishers/x/models/y", "claude-sonnet-4@20250514"
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(kKept), text.size());
    out += percent_encode(text.substr(0, end));
    if (end < text.size()) out += text[end];
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::expected<ModelPage, Error> read_model_page(std::string_view body, std::string_view key,
                                                ModelInfo (*read_model)(const EventJson&, const JsonElement&)) {
  EventJson json;
  const auto root = json.parse(body);
  if (!root || !root->is_object()) {
    return std::unexpected(upstream_fault("bad_response", "the list of models is no JSON object", false));
  }
  ModelPage page;
  page.next = json.plain_text(get_string_or_empty(*root, "nextPageToken"));
  const auto models = get_array(*root, key);
  if (!models) return page;
  for (const JsonElement model : *models) {
    auto info = read_model(json, model);
    if (!info.id.empty()) page.models.push_back(std::move(info));
  }
  return page;
}

}  // namespace aiw::google
