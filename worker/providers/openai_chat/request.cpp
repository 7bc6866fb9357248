#include "worker/providers/codec/request.hpp"

#include <array>

#include "protocol/json_writer.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/options_writer.hpp"
#include "worker/providers/openai_chat/address.hpp"
#include "worker/providers/openai_chat/content.hpp"
#include "worker/providers/openai_chat/decoder.hpp"
#include "worker/providers/openai_chat/messages.hpp"
#include "worker/providers/openai_chat/model.hpp"
#include "worker/providers/openai_chat/model_list.hpp"
#include "worker/providers/provider_defaults.hpp"
#include "worker/providers/schema/rewriter.hpp"
#include "worker/providers/wire_apis.hpp"

namespace aiw::openai_chat {
namespace {

// Reserved members, which providerOptions cannot set: the response would be unreadable, or the conversation lost.
constexpr std::array<std::string_view, 2> kReserved = {"messages", "stream"};
constexpr RawString kSchemaName{"response"};

// Writes the members of the body before `messages`, as an object.
class OptionsWriter : OptionsWriterBase {
 public:
  OptionsWriter(const StepInput& input, RequestNotes& notes)
      : OptionsWriterBase(input, notes), quirks_(chat_quirks(input.target.api, input.target.known)) {}

  std::string write() {
    writer_.begin_object().field("model", target_.model);
    limits();
    sampling();
    if (chat_.reasoning) reasoning(*chat_.reasoning);
    if (chat_.response_json) response_format();
    if (input_.offer_tools && !chat_.tools.empty()) tools();
    if (chat_.stream.upstream) {
      writer_.field("stream", true);
      if (quirks_.stream_options) {
        writer_.key("stream_options").begin_object().field("include_usage", true).end_object();
      }
    }
    writer_.end_object();
    return std::move(out_);
  }

 private:
  // False if the chat sets the option and it must be left out.
  bool takes(bool asked, bool taken, std::string_view name) {
    if (asked && !taken) dropped(name);
    return asked && taken;
  }

  void limits() {
    const auto limit = output_token_limit(chat_, target_, notes_);
    if (!limit) return;
    // Azure's versions accept the newer name since 2024-09-01-preview.
    const bool old_version = target_.api == Api::azure_openai && !target_.api_version.empty() &&
                             target_.api_version < std::string_view("2024-09");
    writer_.field(old_version ? "max_tokens" : quirks_.max_tokens, *limit);
  }

  void sampling() {
    const SamplingRules rules = sampling_rules(target_.model, chat_.reasoning);
    const bool penalties = rules.penalties && quirks_.penalties;
    option("temperature", chat_.temperature, rules.sampling && !is_limited_kimi(), "temperature");
    option("top_p", chat_.top_p, rules.sampling, "topP");
    option("top_k", chat_.top_k, quirks_.top_k, "topK");
    option("frequency_penalty", chat_.frequency_penalty, penalties, "frequencyPenalty");
    option("presence_penalty", chat_.presence_penalty, penalties, "presencePenalty");
    if (takes(!chat_.stop_sequences.empty(), rules.penalties && quirks_.stop, "stopSequences")) {
      write_stop_sequences(writer_, "stop", chat_);
    }
    option(quirks_.seed, chat_.seed, !quirks_.seed.empty(), "seed");
    if (takes(chat_.logprobs.value_or(false), rules.sampling && quirks_.logprobs, "logprobs")) {
      writer_.field("logprobs", true);
    }
  }

  [[nodiscard]] bool is_limited_kimi() const { return quirks_.thinking_limits && is_thinking_kimi(target_.model); }

  static bool is_off(const Reasoning& asked) { return asked.effort.raw == "none" || asked.budget_tokens == 0; }

  void reasoning(const Reasoning& asked) {
    const bool off = is_off(asked);
    switch (quirks_.reasoning) {
      case ReasoningOption::effort: return effort(asked);
      case ReasoningOption::object:
        writer_.key("reasoning").begin_object();
        if (!asked.effort.empty()) writer_.field("effort", asked.effort);
        if (asked.effort.empty() && asked.budget_tokens) writer_.field("max_tokens", *asked.budget_tokens);
        writer_.end_object();
        return;
      case ReasoningOption::thinking: return thinking(!off);  // only a switch, without effort
      case ReasoningOption::thinking_off: return off ? thinking(false) : effort(asked);
      case ReasoningOption::thinking_budget:
        if (off) return thinking(false);
        return asked.budget_tokens ? thinking(true, asked.budget_tokens) : effort(asked);
      case ReasoningOption::enable_thinking:
        writer_.field("enable_thinking", !off);
        if (!off && asked.budget_tokens) writer_.field("thinking_budget", *asked.budget_tokens);
        return;
    }
  }

  void effort(const Reasoning& asked) {
    if (takes(!asked.effort.empty(), takes_effort(target_.model), "reasoning.effort")) {
      writer_.field("reasoning_effort", asked.effort);
    }
    if (asked.budget_tokens) dropped("reasoning.budgetTokens");
  }

  void thinking(bool enabled, std::optional<std::int64_t> budget = {}) {
    writer_.key("thinking").begin_object().field("type", enabled ? "enabled" : "disabled");
    if (budget) writer_.field("budget_tokens", *budget);
    writer_.end_object();
  }

  void response_format() {
    const bool has_schema = takes(!chat_.response_schema.empty(), quirks_.json_schema, "responseFormat.schema");
    writer_.key("response_format").begin_object();
    if (!has_schema && quirks_.json_object) {
      writer_.field("type", "json_object").end_object();
      return;
    }
    writer_.field("type", "json_schema").key("json_schema").begin_object();
    writer_.field("name", chat_.response_name.empty() ? kSchemaName : chat_.response_name);
    if (!chat_.response_description.empty()) writer_.field("description", chat_.response_description);
    schema("schema", has_schema ? chat_.response_schema : JsonSpan{R"({"type":"object"})"}, chat_.response_strict);
    writer_.end_object().end_object();
  }

  // Sends `strict` only if the chat sets it: with it, OpenAI refuses schemas outside its subset.
  void schema(std::string_view key, JsonSpan value, std::optional<bool> strict) {
    if (!strict.value_or(false)) {
      writer_.field(key, value);
      if (strict) writer_.field("strict", false);
      return;
    }
    const auto converted = rewrite_schema(value, kStrictSchemas, schema_budget_, notes_);
    writer_.field(key, JsonSpan{converted.json}).field("strict", converted.fits);
  }

  void tools() {
    if (!takes(true, quirks_.tools, "tools")) return;
    writer_.key("tools").begin_array();
    for (const Tool& tool : chat_.tools) write_tool(tool);
    writer_.end_array();
    if (chat_.tool_choice) tool_choice(*chat_.tool_choice);
    const bool serial = !chat_.parallel_tool_calls.value_or(true);  // parallel calls are every server's default
    takes(serial, quirks_.parallel_tool_calls, "parallelToolCalls");
    if (chat_.parallel_tool_calls && quirks_.parallel_tool_calls) {
      writer_.field("parallel_tool_calls", *chat_.parallel_tool_calls);
    }
  }

  void write_tool(const Tool& tool) {
    if (!tool.definition.empty()) {
      writer_.raw(tool.definition);
      return;
    }
    writer_.begin_object().field("type", "function").key("function").begin_object().field("name", tool.name);
    if (!tool.description.empty()) writer_.field("description", tool.description);
    schema("parameters", tool.input_schema.empty() ? kNoParameters : tool.input_schema, tool.strict);
    writer_.end_object();
    write_cache_mark(writer_, quirks_, tool.cache);
    writer_.end_object();
  }

  void tool_choice(const ToolChoice& choice) {
    const bool forced = choice.type == ToolChoiceType::required || choice.type == ToolChoiceType::tool;
    const bool thinks = is_limited_kimi() && !(chat_.reasoning && is_off(*chat_.reasoning));
    if (forced && !takes(true, !thinks, "toolChoice")) return;
    writer_.key("tool_choice");
    switch (choice.type) {
      case ToolChoiceType::automatic: writer_.string("auto"); break;
      case ToolChoiceType::none: writer_.string("none"); break;
      case ToolChoiceType::required: writer_.string(quirks_.required_choice); break;
      case ToolChoiceType::tool:
        writer_.begin_object().field("type", "function").key("function").begin_object();
        writer_.field("name", choice.tool_name).end_object().end_object();
        break;
    }
  }

  const ChatQuirks& quirks_;
  SchemaBudget schema_budget_;
};

std::expected<BuiltRequest, Error> build(const StepInput& input) {
  auto http = start_json_post(openai_url(input.target, "chat/completions"), "text/event-stream", input);
  if (!http) return std::unexpected(std::move(http).error());
  RequestNotes notes;
  const auto options = apply_provider_options(OptionsWriter(input, notes).write(), input.chat, kReserved, notes);
  BuiltRequest built{*std::move(http), {}};
  BodyWriter json(built.http.body);
  json.begin_object().copy_list(std::string_view(options).substr(1, options.size() - 2)).key("messages").begin_array();
  ChatQuirks quirks = chat_quirks(input.target.api, input.target.known);
  if (input.target.model == quirks.plain_model && !input.chat.reasoning) quirks.missing_reasoning = nullptr;
  const auto written =
      append_messages(input.chat.system, input.messages, quirks, built.http.body, notes, input.written);
  if (!written) return std::unexpected(written.error());
  json.end_array().end_object();
  built.notes = notes.take();
  return built;
}

}  // namespace

const WireApi kApi = {build, make_sse_decoder<Decoder>, http_error, list_models, read_models};

}  // namespace aiw::openai_chat
