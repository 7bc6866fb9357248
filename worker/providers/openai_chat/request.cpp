#include "worker/providers/codec/request.hpp"

#include <algorithm>
#include <array>

#include "protocol/json_writer.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/openai_models.hpp"
#include "worker/providers/codec/strict_schema.hpp"
#include "worker/providers/openai_chat/address.hpp"
#include "worker/providers/openai_chat/api.hpp"
#include "worker/providers/openai_chat/content.hpp"
#include "worker/providers/openai_chat/decoder.hpp"
#include "worker/providers/openai_chat/messages.hpp"
#include "worker/providers/openai_chat/model_list.hpp"
#include "worker/providers/provider_defaults.hpp"

namespace aiw::openai_chat {
namespace {

// Ours, and not for providerOptions: the answer could not be read, or the conversation would be lost.
constexpr std::array<std::string_view, 2> kReserved = {"messages", "stream"};
constexpr std::string_view kSchemaName = "response";

// Models that reason, by the start of their name, also where a gateway puts a vendor before it. All refuse penalties
// and stop sequences.
struct ModelRule {
  std::string_view prefix;
  bool takes_sampling = false;  // temperature, topP, logprobs
  bool by_default = true;       // reasons without being asked to
};
constexpr auto kReasoningModels = std::to_array<ModelRule>({{"o1"},
                                                            {"o3"},
                                                            {"o4"},
                                                            {"gpt-5"},
                                                            {"gpt-5.", false, false},
                                                            {"grok-4", true},
                                                            {"grok-4.", true},
                                                            {"grok-3-mini", true}});

bool is_of(std::string_view name, const ModelRule& rule) {
  if (!name.starts_with(rule.prefix)) return false;
  const auto rest = name.substr(rule.prefix.size());
  return rest.empty() || rest[0] == '-' || rule.prefix.ends_with('.');
}

// nullptr: it does not reason this time, so that nothing is refused.
const ModelRule* reasoning_model(std::string_view model, const std::optional<Reasoning>& asked) {
  const auto name = model.substr(model.rfind('/') + 1);
  const auto rules = openai_model_rules(model);
  // GPT-5, the o-series and Grok always think.
  const bool can_stop = rules.ours ? rules.sampling_unthinking : !name.starts_with("grok-");
  if (name.contains("chat") || (can_stop && asked && asked->effort.raw == "none")) return nullptr;
  const auto* rule = std::ranges::find_if(kReasoningModels, [&](const ModelRule& one) { return is_of(name, one); });
  if (rule == kReasoningModels.end()) return nullptr;
  const bool always = rule->by_default || name.contains("-pro") || name.contains("-codex");
  return always || (asked && !asked->effort.empty()) ? rule : nullptr;
}

// The members of the body before `messages`, as an object.
class OptionsWriter {
 public:
  OptionsWriter(const StepInput& input, RequestNotes& notes)
      : chat_(input.chat),
        target_(input.target),
        quirks_(chat_quirks(input.target.api, input.target.known)),
        offer_tools_(input.offer_tools),
        notes_(notes) {}

  std::string write() {
    writer_.begin_object().field("model", target_.model);
    limits();
    sampling();
    if (chat_.reasoning) reasoning(*chat_.reasoning);
    if (chat_.response_json) response_format();
    if (offer_tools_ && !chat_.tools.empty()) tools();
    if (chat_.stream.upstream) {
      writer_.field("stream", true);
      if (quirks_.stream_options)
        writer_.key("stream_options").begin_object().field("include_usage", true).end_object();
    }
    writer_.end_object();
    return std::move(out_);
  }

 private:
  // False if the value is asked for and must be left out.
  bool takes(bool asked, bool taken, std::string_view name) {
    if (asked && !taken) notes_.dropped(name, target_);
    return asked && taken;
  }

  void limits() {
    const auto limit = output_token_limit(chat_, target_, notes_);
    if (!limit) return;
    // Azure's versions know the newer name since 2024-09-01-preview.
    const bool old_version = target_.api == Api::azure_openai && !target_.api_version.empty() &&
                             target_.api_version < std::string_view("2024-09");
    writer_.field(old_version ? "max_tokens" : quirks_.max_tokens, *limit);
  }

  void sampling() {
    const ModelRule* rule = reasoning_model(target_.model, chat_.reasoning);
    const bool any = rule == nullptr, some = any || rule->takes_sampling;
    const bool temperature = some && !(quirks_.thinking_limits && is_thinking_kimi());
    if (takes(chat_.temperature.has_value(), temperature, "temperature"))
      writer_.field("temperature", *chat_.temperature);
    if (takes(chat_.top_p.has_value(), some, "topP")) writer_.field("top_p", *chat_.top_p);
    if (takes(chat_.top_k.has_value(), quirks_.top_k, "topK")) writer_.field("top_k", *chat_.top_k);
    const bool penalties = any && quirks_.penalties;
    if (takes(chat_.frequency_penalty.has_value(), penalties, "frequencyPenalty")) {
      writer_.field("frequency_penalty", *chat_.frequency_penalty);
    }
    if (takes(chat_.presence_penalty.has_value(), penalties, "presencePenalty")) {
      writer_.field("presence_penalty", *chat_.presence_penalty);
    }
    if (takes(!chat_.stop_sequences.empty(), any && quirks_.stop, "stopSequences")) {
      writer_.key("stop").begin_array();
      for (const RawString text : chat_.stop_sequences) writer_.raw(text);
      writer_.end_array();
    }
    if (takes(chat_.seed.has_value(), !quirks_.seed.empty(), "seed")) writer_.field(quirks_.seed, *chat_.seed);
    if (takes(chat_.logprobs.value_or(false), some && quirks_.logprobs, "logprobs")) writer_.field("logprobs", true);
  }

  [[nodiscard]] bool is_thinking_kimi() const {
    const auto of = [&](std::string_view family) { return target_.model.contains(family); };
    return of("k2.5") || of("k2.6") || of("k2.7") || of("k2-thinking") || of("k3");
  }

  // They think unless they are told not to.
  [[nodiscard]] bool thinks_within_limits() const {
    const bool told_not_to =
        chat_.reasoning && (chat_.reasoning->effort.raw == "none" || chat_.reasoning->budget_tokens == 0);
    return quirks_.thinking_limits && is_thinking_kimi() && !told_not_to;
  }

  void reasoning(const Reasoning& asked) {
    const bool off = asked.effort.raw == "none" || asked.budget_tokens == 0;
    switch (quirks_.reasoning) {
      case ReasoningOption::effort: return effort(asked);
      case ReasoningOption::object:
        writer_.key("reasoning").begin_object();
        if (!asked.effort.empty()) writer_.field("effort", asked.effort);
        if (asked.effort.empty() && asked.budget_tokens) writer_.field("max_tokens", *asked.budget_tokens);
        writer_.end_object();
        return;
      case ReasoningOption::thinking:
        // A switch, for effort has no place.
        return thinking(off ? "disabled" : "enabled", std::nullopt);
      case ReasoningOption::thinking_off:
        if (off) return thinking("disabled", std::nullopt);
        return effort(asked);
      case ReasoningOption::thinking_budget:
        if (off) return thinking("disabled", std::nullopt);
        if (asked.budget_tokens) return thinking("enabled", asked.budget_tokens);
        return effort(asked);
      case ReasoningOption::enable_thinking:
        writer_.field("enable_thinking", !off);
        if (!off && asked.budget_tokens) writer_.field("thinking_budget", *asked.budget_tokens);
        return;
    }
  }

  // A plain model of OpenAI's refuses it, and those of xAI that always think as they do.
  [[nodiscard]] bool takes_effort() const {
    const auto rules = openai_model_rules(target_.model);
    if (rules.ours) return rules.reasons;
    const auto name = target_.model.substr(target_.model.rfind('/') + 1);
    return name != "grok-3" && name != "grok-4" && name != "grok-4-0709";
  }

  void effort(const Reasoning& asked) {
    if (takes(!asked.effort.empty(), takes_effort(), "reasoning.effort")) {
      writer_.field("reasoning_effort", asked.effort);
    }
    if (asked.budget_tokens) notes_.dropped("reasoning.budgetTokens", target_);
  }

  void thinking(std::string_view type, std::optional<std::int64_t> budget) {
    writer_.key("thinking").begin_object().field("type", type);
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
    writer_.field("type", "json_schema").key("json_schema").begin_object().key("name");
    if (chat_.response_name.empty()) {
      writer_.string(kSchemaName);
    } else {
      writer_.raw(chat_.response_name);
    }
    if (!chat_.response_description.empty()) writer_.field("description", chat_.response_description);
    schema("schema", has_schema ? chat_.response_schema : JsonSpan{R"({"type":"object"})"}, chat_.response_strict);
    writer_.end_object().end_object();
  }

  // Without a word about `strict` none is sent: OpenAI refuses schemas outside its subset there.
  void schema(std::string_view key, JsonSpan value, std::optional<bool> strict) {
    if (!strict.value_or(false)) {
      writer_.field(key, value);
      if (strict) writer_.field("strict", false);
      return;
    }
    const StrictSchema converted = to_strict_schema(value, notes_);
    writer_.field(key, JsonSpan{converted.json}).field("strict", converted.strict);
  }

  void tools() {
    if (!takes(true, quirks_.tools, "tools")) return;
    writer_.key("tools").begin_array();
    for (const Tool& tool : chat_.tools) write_tool(tool);
    writer_.end_array();
    if (chat_.tool_choice) tool_choice(*chat_.tool_choice);
    const bool serial = !chat_.parallel_tool_calls.value_or(true);  // parallel calls are every server's default
    if (takes(serial, quirks_.parallel_tool_calls, "parallelToolCalls")) {
      writer_.field("parallel_tool_calls", false);
    } else if (chat_.parallel_tool_calls && quirks_.parallel_tool_calls) {
      writer_.field("parallel_tool_calls", true);
    }
  }

  void write_tool(const Tool& tool) {
    if (!tool.definition.empty()) {
      writer_.raw(tool.definition);
      return;
    }
    writer_.begin_object().field("type", "function").key("function").begin_object().field("name", tool.name);
    if (!tool.description.empty()) writer_.field("description", tool.description);
    const JsonSpan none{R"({"type":"object","properties":{}})"};
    schema("parameters", tool.input_schema.empty() ? none : tool.input_schema, tool.strict);
    writer_.end_object();
    if (tool.cache != CacheMark::none && quirks_.cache_marks) {
      writer_.field("cache_control", JsonSpan{cache_control(tool.cache)});
    }
    writer_.end_object();
  }

  void tool_choice(const ToolChoice& choice) {
    switch (choice.type) {
      case ToolChoiceType::automatic: writer_.field("tool_choice", "auto"); break;
      case ToolChoiceType::none: writer_.field("tool_choice", "none"); break;
      case ToolChoiceType::required:
        if (takes(true, !thinks_within_limits(), "toolChoice")) {
          writer_.field("tool_choice", quirks_.required_choice);
        }
        break;
      case ToolChoiceType::tool:
        if (!takes(true, !thinks_within_limits(), "toolChoice")) break;
        writer_.key("tool_choice").begin_object().field("type", "function").key("function").begin_object();
        writer_.field("name", choice.tool_name).end_object().end_object();
        break;
    }
  }

  const ChatRequest& chat_;
  const Target& target_;
  const ChatQuirks& quirks_;
  const bool offer_tools_;
  RequestNotes& notes_;
  std::string out_;
  JsonWriter writer_{out_};
};

}  // namespace

std::expected<BuiltRequest, Error> build(const StepInput& input) {
  auto http = start_json_post(openai_url(input.target, "chat/completions"), "text/event-stream", input);
  if (!http) return std::unexpected(std::move(http).error());
  RequestNotes notes;
  std::string options = apply_provider_options(OptionsWriter(input, notes).write(), input.chat, kReserved, notes);
  options.pop_back();
  BuiltRequest built;
  built.http = *std::move(http);
  built.http.body.append(options);
  built.http.body.append(options == "{" ? "\"messages\":[" : ",\"messages\":[");
  ChatQuirks quirks = chat_quirks(input.target.api, input.target.known);
  if (input.target.model == quirks.plain_model && !input.chat.reasoning) quirks.missing_reasoning = nullptr;
  const auto written =
      append_messages(input.chat.system, input.messages, quirks, built.http.body, notes, input.written);
  if (!written) return std::unexpected(written.error());
  built.http.body.append("]}");
  built.notes = notes.take();
  return built;
}

std::unique_ptr<ResponseDecoder> make_decoder(BodyFormat format) {
  return make_sse_decoder(std::make_unique<Decoder>(), format);
}

const WireApi& api() {
  static constexpr WireApi kApi = {build, make_decoder, http_error, list_models, read_models};
  return kApi;
}

}  // namespace aiw::openai_chat
