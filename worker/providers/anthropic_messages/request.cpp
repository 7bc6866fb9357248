#include "worker/providers/anthropic_messages/request.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/base/url.hpp"
#include "worker/providers/anthropic_messages/betas.hpp"
#include "worker/providers/anthropic_messages/decoder.hpp"
#include "worker/providers/anthropic_messages/messages.hpp"
#include "worker/providers/anthropic_messages/model.hpp"
#include "worker/providers/anthropic_messages/options.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/profile/server_profile.hpp"
#include "worker/providers/wire_apis.hpp"

namespace aiw::anthropic_messages {
namespace {

constexpr std::string_view kDefaultBaseUrl = "https://api.anthropic.com";
constexpr std::string_view kApiVersion = "2023-06-01";
constexpr std::string_view kBetaHeader = "anthropic-beta";
// Reserved members, which providerOptions cannot set: the response would be unreadable, or the conversation lost.
constexpr std::array<std::string_view, 3> kReserved = {"messages", "system", "stream"};

std::string endpoint(std::string_view base_url, std::string_view path) {
  while (base_url.ends_with('/')) base_url.remove_suffix(1);
  if (base_url.empty()) base_url = kDefaultBaseUrl;
  if (base_url.ends_with("/v1")) path.remove_prefix(std::string_view("v1/").size());
  return join_url(base_url, path);
}

Header version_header() { return {"anthropic-version", std::string(kApiVersion), false}; }

std::expected<HttpRequest, Error> list_models(const Target& target, std::string_view page, std::chrono::sys_seconds) {
  std::string url = endpoint(target.base_url, "v1/models") + "?limit=1000";
  if (!page.empty()) url += "&after_id=" + percent_encode(page);
  return start_request("GET", std::move(url), {{"Accept", "application/json", false}, version_header()}, target);
}

std::expected<ModelPage, Error> read_models(std::string_view body) {
  EventJson json;
  const auto root = json.parse(body);
  const auto list = root ? get_array(*root, "data") : std::nullopt;
  if (!list)
    return std::unexpected(upstream_fault(error_code::bad_response, "the answer has no list of models", false));
  ModelPage page;
  for (const JsonElement model : *list) {
    const auto text = [&](std::string_view key) { return json.text(model, key); };
    if (text("id").empty()) continue;
    page.models.push_back(
        {text("id"), text("display_name"), get_count(model, "max_input_tokens"), get_count(model, "max_tokens")});
  }
  if (get_bool(*root, "has_more").value_or(false)) page.next = json.text(*root, "last_id");
  return page;
}

// docs.anthropic.com, "Prompt caching": at most four marks. Later marks also cover what comes before them, so the first
// ones are left out. Returns the result of skip_cache_marks().
bool limit_cache_marks(const ChatRequest& chat, Conversation& conversation, RequestNotes& notes) {
  constexpr std::size_t kMaxMarks = 4;
  const auto on_tools =
      std::ranges::count_if(chat.tools, [](const Tool& tool) { return tool.cache != CacheMark::none; });
  const std::size_t marks = conversation.cache_marks() + static_cast<std::size_t>(on_tools);
  const std::size_t skip = marks > kMaxMarks ? marks - kMaxMarks : 0;
  if (skip > 0)
    notes.add(warning_code::cache_mark_dropped, "this provider takes four cache marks: the first ones were left out");
  return conversation.skip_cache_marks(skip);
}

void add_betas(HttpRequest& request, const std::vector<std::string>& betas) {
  if (betas.empty()) return;
  const Header* const named = request.headers.find(kBetaHeader);
  Header header = named == nullptr ? Header{std::string(kBetaHeader), "", false} : *named;
  std::vector<std::string> all;
  merge_betas(all, header.value);
  for (const std::string& beta : betas) merge_betas(all, beta);
  header.value.clear();
  for (const std::string& beta : all) header.value += (header.value.empty() ? "" : ",") + beta;
  static_cast<void>(request.headers.set(std::move(header)));
}

}  // namespace

std::expected<BuiltRequest, Error> build_for(Host host, std::expected<HttpRequest, Error> request,
                                             const StepInput& input) {
  if (!request) return std::unexpected(std::move(request).error());
  RequestNotes notes;
  const bool system_turns = model_rules(input.target.model).system_turns;
  WrittenHistory unkept;
  WrittenHistory& written = input.written == nullptr ? unkept : *input.written;
  Conversation conversation(input.messages, system_turns, server_profile(input).unsigned_thinking, notes, written);
  if (auto planned = conversation.plan(); !planned) return std::unexpected(std::move(planned.error()));
  if (!limit_cache_marks(input.chat, conversation, notes)) {
    written = {};
    return build_for(host, std::move(request), input);
  }
  DerivedOptions derived{.betas = needed_betas(input),
                         .thinking_budget = !conversation.excludes_thinking_budget(),
                         .container = conversation.container(input.now)};
  if (host != Host::bedrock) {
    add_betas(*request, derived.betas);
  } else if (const Header* const named = input.target.headers.find(kBetaHeader)) {
    merge_betas(derived.betas, named->value);
  }
  std::string options =
      apply_provider_options(write_options(input, host, derived, notes), input.chat, kReserved, notes);
  options.pop_back();  // removes the closing brace, because more members follow
  request->body.append(options);
  BodyWriter json(request->body, options.size() > 1);
  const std::string instruction = json_instruction(input);
  if (!instruction.empty())
    notes.add(warning_code::response_format_prompted, "JSON output is asked for in the system prompt");
  conversation.write_system(json, input.chat.system, instruction);
  conversation.write_messages(json);
  json.end_object();
  return BuiltRequest{*std::move(request), notes.take()};
}

namespace {

std::expected<BuiltRequest, Error> build(const StepInput& input) {
  auto request =
      start_json_post(endpoint(input.target.base_url, "v1/messages"), "text/event-stream", input, version_header());
  return build_for(Host::anthropic, std::move(request), input);
}

}  // namespace

const WireApi kApi = {build, make_sse_decoder<Decoder>, http_error, list_models, read_models, kPauseReason};

}  // namespace aiw::anthropic_messages
