#include "worker/providers/codec/request.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/codes.hpp"
#include "protocol/json_writer.hpp"
#include "worker/base/url.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/options_writer.hpp"
#include "worker/providers/cohere_chat/decoder.hpp"
#include "worker/providers/cohere_chat/messages.hpp"
#include "worker/providers/wire_apis.hpp"

// Wire facts are from Cohere's API reference, chat, version 2.

namespace aiw::cohere_chat {
namespace {

constexpr std::array<std::string_view, 2> kReserved = {"messages", "stream"};

// Models from before August 2025 do not think and refuse the parameter.
bool can_think(std::string_view model) {
  return !model.starts_with("command-r") && !model.starts_with("command-a-03") && !model.starts_with("c4ai");
}

class OptionsWriter : OptionsWriterBase {
 public:
  OptionsWriter(const StepInput& input, RequestNotes& notes) : OptionsWriterBase(input, notes) {}

  std::string write() {
    writer_.begin_object().field("model", target_.model).field("stream", chat_.stream.upstream);
    sampling();
    if (chat_.reasoning && thinks()) thinking(*chat_.reasoning);
    const bool off = chat_.reasoning && (chat_.reasoning->effort.raw == "none" || chat_.reasoning->budget_tokens == 0);
    if (chat_.reasoning && !off && !thinks()) dropped("reasoning");
    if (!chat_.tools.empty()) tools();
    response_format();
    if (!chat_.parallel_tool_calls.value_or(true)) dropped("parallelToolCalls");
    writer_.end_object();
    return std::move(out_);
  }

 private:
  void sampling() {
    option("max_tokens", output_token_limit(chat_, target_, notes_));
    option("temperature", chat_.temperature);
    option("p", chat_.top_p);
    option("k", chat_.top_k);
    option("frequency_penalty", chat_.frequency_penalty);
    option("presence_penalty", chat_.presence_penalty);
    option("seed", chat_.seed);
    option("logprobs", chat_.logprobs);
    write_stop_sequences(writer_, "stop_sequences", chat_);
  }

  // docs.cohere.com, "Reasoning": other models refuse the parameter. The parameter has budgets and no levels.
  [[nodiscard]] bool thinks() const {
    const auto of = [&](std::string_view family) { return target_.model.contains(family); };
    return !target_.model.starts_with("command") || of("reasoning") || of("command-a-plus") || of("translate");
  }

  void thinking(const Reasoning& reasoning) {
    const bool off = reasoning.effort.raw == "none" || reasoning.budget_tokens.value_or(1) <= 0;
    if (!can_think(target_.model)) {
      if (!off) dropped("reasoning");
      return;
    }
    writer_.key("thinking").begin_object().field("type", off ? "disabled" : "enabled");
    if (!off && reasoning.budget_tokens) writer_.field("token_budget", *reasoning.budget_tokens);
    writer_.end_object();
    if (!off && !reasoning.budget_tokens) dropped("a level of reasoning.effort");
  }

  // A single tool cannot be required by name, so it becomes the only tool offered.
  void tools() {
    const ToolChoice choice = chat_.tool_choice.value_or(ToolChoice{});
    const bool one = input_.offer_tools && choice.type == ToolChoiceType::tool;
    writer_.key("tools").begin_array();
    for (const Tool& tool : chat_.tools) {
      if (!one || tool.name.raw == choice.tool_name.raw) write_function_tool(writer_, tool);
    }
    writer_.end_array();
    if (std::ranges::any_of(chat_.tools, [](const Tool& tool) { return tool.strict.value_or(false); })) {
      writer_.field("strict_tools", true);
    }
    if (!input_.offer_tools || choice.type == ToolChoiceType::none) {
      writer_.field("tool_choice", "NONE");
    } else if (one || choice.type == ToolChoiceType::required) {
      writer_.field("tool_choice", "REQUIRED");
    }
  }

  // "Not supported in combination with the documents or tools parameters".
  void response_format() {
    if (!chat_.response_json) return;
    if (!chat_.tools.empty()) return dropped("responseFormat beside tools");
    writer_.key("response_format").begin_object().field("type", "json_object");
    if (!chat_.response_schema.empty()) writer_.field("json_schema", chat_.response_schema);
    writer_.end_object();
  }
};

// The base URL may include the API's version.
std::string endpoint(std::string_view base, std::string_view path) {
  while (base.ends_with('/')) base.remove_suffix(1);
  if (base.ends_with("/v1") || base.ends_with("/v2")) base.remove_suffix(3);
  return join_url(base, path);
}

std::expected<HttpRequest, Error> list_models(const Target& target, std::string_view page, std::chrono::sys_seconds) {
  std::string url = endpoint(target.base_url, "v1/models") + "?endpoint=chat&page_size=1000";
  if (!page.empty()) url += "&page_token=" + percent_encode(page);
  return start_request("GET", std::move(url), {{"Accept", "application/json", false}}, target);
}

std::expected<ModelPage, Error> read_models(std::string_view body) {
  EventJson json;
  const auto root = json.parse(body);
  const auto list = root ? get_array(*root, "models") : std::nullopt;
  if (!list)
    return std::unexpected(upstream_fault(error_code::bad_response, "the answer has no list of models", false));
  ModelPage page;
  page.next = json.text(*root, "next_page_token");
  for (const JsonElement model : *list) {
    const std::string name = json.text(model, "name");
    if (!name.empty()) page.models.push_back({name, {}, get_count(model, "context_length"), {}});
  }
  return page;
}

std::expected<BuiltRequest, Error> build(const StepInput& input) {
  auto http = start_json_post(endpoint(input.target.base_url, "v2/chat"), "text/event-stream", input);
  if (!http) return std::unexpected(std::move(http).error());
  RequestNotes notes;
  std::string options = apply_provider_options(OptionsWriter(input, notes).write(), input.chat, kReserved, notes);
  options.back() = ',';
  BuiltRequest built{*std::move(http), {}};
  built.http.body.append(options + "\"messages\":[");
  append_messages(input.chat.system, input.messages, built.http.body, notes);
  built.http.body.append("]}");
  built.notes = notes.take();
  return built;
}

}  // namespace

const WireApi kApi = {build, make_sse_decoder<Decoder>, http_error, list_models, read_models};

}  // namespace aiw::cohere_chat
