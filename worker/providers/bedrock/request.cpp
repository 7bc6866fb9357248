#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "protocol/codes.hpp"
#include "protocol/json_writer.hpp"
#include "worker/providers/anthropic_messages/model.hpp"
#include "worker/providers/bedrock/error.hpp"
#include "worker/providers/bedrock/events.hpp"
#include "worker/providers/bedrock/messages.hpp"
#include "worker/providers/bedrock/operation.hpp"
#include "worker/providers/bedrock/state.hpp"
#include "worker/providers/codec/options_writer.hpp"
#include "worker/providers/schema/rewriter.hpp"
#include "worker/providers/wire_apis.hpp"

namespace aiw::bedrock {
namespace {

// Members that providerOptions must not replace.
constexpr std::array<std::string_view, 2> kReserved = {"messages", "system"};

// docs.anthropic.com, "Extended thinking with tool use": with a thinking budget, an assistant turn must begin with
// thinking if its calls' results are in the last turn.
bool uses_tools_without_thought(std::span<const Message> messages) {
  const auto turn = std::ranges::find(messages.rbegin(), messages.rend(), Role::assistant, &Message::role);
  if (turn == messages.rend()) return false;
  const auto is_results = [](const Message& message) { return message.role == Role::tool; };
  if (std::ranges::none_of(turn.base(), messages.end(), is_results)) return false;
  StateReader states;
  for (const Part& part : turn->parts) {
    if (const auto* reasoning = std::get_if<ReasoningPart>(&part)) {
      if (!read_signature(states, reasoning->provider_state).empty()) return false;
    } else if (const auto* own = std::get_if<ProviderPart>(&part)) {
      return !read_block(states, own->provider_state).contains("redactedContent");
    } else {
      return true;
    }
  }
  return true;
}

// Writes the body's members before the conversation.
class OptionsWriter : OptionsWriterBase {
 public:
  OptionsWriter(const StepInput& input, Family family, RequestNotes& notes)
      : OptionsWriterBase(input, notes),
        family_(family),
        rules_(model_rules(family)),
        claude_(anthropic_messages::model_rules(input.target.model)),
        max_tokens_(output_token_limit(input.chat, input.target, notes)) {}

  std::string write() {
    decide_reasoning();
    writer_.begin_object();
    inference_config();
    tool_config();
    output_config();
    additional_fields();
    writer_.end_object();
    note_unsupported();
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool is_claude() const { return family_ == Family::claude; }
  [[nodiscard]] bool is_thinking() const { return budget_ > 0 || adaptive_ || !nova_effort_.empty(); }

  void decide_reasoning() {
    if (!chat_.reasoning) return;
    const std::string effort = chat_.reasoning->effort.text();
    const auto& budget = chat_.reasoning->budget_tokens;
    if (effort == "none" || (budget && *budget <= 0)) return;
    if (is_claude()) return decide_thinking(effort, budget);
    if (budget) dropped("reasoning.budgetTokens");
    if (effort.empty()) return;
    const bool is_low = effort == "minimal" || effort == "low";
    const std::string_view level = is_low ? "low" : effort == "medium" ? "medium" : "high";
    if (family_ == Family::gpt_oss) {
      gpt_effort_ = level;
    } else if (family_ == Family::nova && input_.target.model.contains("nova-2")) {
      nova_effort_ = level;
    } else {
      dropped("reasoning.effort");
    }
  }

  void decide_thinking(const std::string& effort, std::optional<std::int64_t> budget) {
    if (is_tool_forced(input_))
      return notes_.add(warning_code::thinking_dropped, "a forced tool choice excludes thinking");
    if (claude_.adaptive_thinking && !(budget && claude_.thinking_budget)) {
      adaptive_ = true;
      claude_effort_ = effort == "minimal" ? "low" : effort;
      if (budget) notes_.add(warning_code::budget_dropped, "this model decides itself how much it thinks");
    } else if (budget || !effort.empty()) {
      decide_budget(budget ? *budget : anthropic_messages::thinking_budget_of_effort(effort));
    }
  }

  // The budget is part of maxTokens, whose default is the model's own limit.
  void decide_budget(std::int64_t wanted) {
    constexpr std::int64_t kNoLimit = 1'000'000;
    budget_ = std::clamp(wanted, anthropic_messages::kMinThinkingBudget, kNoLimit);
    if (max_tokens_ && *max_tokens_ <= budget_) {
      const auto limit = std::max(input_.target.max_tokens.value_or(kNoLimit), *max_tokens_);
      max_tokens_ = std::min(limit, *max_tokens_ + budget_);
      budget_ = std::min(budget_, *max_tokens_ - 1);
      notes_.add(warning_code::max_tokens_raised, "maxOutputTokens leaves no room for the thinking budget");
    }
    const std::string_view why = uses_tools_without_thought(input_.messages)
                                     ? "tools are being used in a turn that did not begin with thinking"
                                 : budget_ < anthropic_messages::kMinThinkingBudget ? "the model's limit is too low"
                                                                                    : "";
    if (why.empty()) return;
    notes_.add(warning_code::thinking_dropped, why);
    budget_ = 0;
  }

  // True if there is a value to send. Adds a note if the value is refused.
  template <typename T>
  bool may_send(const std::optional<T>& value, std::string_view name, bool refused) {
    if (value && refused) dropped(name);
    return value && !refused;
  }

  // Claude refuses sampling options while it thinks. With high effort, Nova sets sampling and length itself.
  void inference_config() {
    const bool nova_decides = nova_effort_ == "high";
    const bool no_sampling = nova_decides || (is_claude() && (is_thinking() || !claude_.sampling));
    std::string fields;
    JsonWriter json(fields);
    json.begin_object();
    if (may_send(max_tokens_, "maxOutputTokens", nova_decides)) json.field("maxTokens", *max_tokens_);
    if (may_send(chat_.temperature, "temperature", no_sampling)) {
      if (*chat_.temperature > 1)
        notes_.add(warning_code::temperature_lowered, "this provider's temperature ends at 1");
      json.field("temperature", std::clamp(*chat_.temperature, 0.0, 1.0));
    }
    const bool one_only = is_claude() && chat_.temperature && !claude_.both_sampling;
    if (may_send(chat_.top_p, "topP", no_sampling || one_only)) json.field("topP", *chat_.top_p);
    write_stop_sequences(json, "stopSequences", chat_);
    json.end_object();
    if (fields != "{}") writer_.field("inferenceConfig", JsonSpan{fields});
  }

  // The API refuses a history with tool calls if no tools are defined, and cannot forbid their use.
  void tool_config() {
    const bool none = !input_.offer_tools || (chat_.tool_choice && chat_.tool_choice->type == ToolChoiceType::none);
    const auto called = called_tools(input_.messages);
    if (called.empty() && (none || chat_.tools.empty())) return;
    if (none)
      notes_.add(warning_code::tools_still_offered, "this API takes no history of tool calls without offering tools");
    writer_.key("toolConfig").begin_object().key("tools").begin_array();
    bool any = false;
    for (const Tool& tool : chat_.tools) {
      if (none && tool.executor == ToolExecutor::provider) continue;
      any = true;
      write_tool(tool);
    }
    if (!any) {
      for (const RawString name : called) write_tool(Tool{.name = name});
    }
    writer_.end_array();
    if (is_tool_forced(input_)) tool_choice(*chat_.tool_choice);
    writer_.end_object();
  }

  void write_tool(const Tool& tool) {
    if (tool.definition.empty()) {
      write_tool_spec(tool);
    } else {
      writer_.raw(tool.definition);
    }
    const auto point = cache_point_json(tool.cache, rules_.tool_cache_points, family_);
    if (!point.empty()) writer_.copy(point);
  }

  void write_tool_spec(const Tool& tool) {
    const JsonSpan given = tool.input_schema.is_object() ? tool.input_schema : kNoParameters;
    const bool strict = tool.strict.value_or(false);
    const std::string strict_schema = strict ? rewritten(given) : std::string();
    writer_.begin_object().key("toolSpec").begin_object().field("name", tool.name);
    if (!tool.description.empty()) writer_.field("description", tool.description);
    writer_.key("inputSchema").begin_object().field("json", strict ? JsonSpan{strict_schema} : given).end_object();
    if (strict) writer_.field("strict", true);
    writer_.end_object().end_object();
  }

  // Omits `auto`, which is the default.
  void tool_choice(const ToolChoice& choice) {
    if (!rules_.forced_tools) return dropped("toolChoice");
    writer_.key("toolChoice").begin_object();
    if (choice.type == ToolChoiceType::required) {
      writer_.key("any").begin_object().end_object();
    } else {
      writer_.key("tool").begin_object().field("name", choice.tool_name).end_object();
    }
    writer_.end_object();
  }

  std::string rewritten(JsonSpan schema) { return rewrite_schema(schema, kClaudeSchemas, schema_budget_, notes_).json; }

  // Structured outputs: the schema is sent as a string. Bedrock accepts the same subset as Claude's own API
  // (docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html).
  void output_config() {
    if (!chat_.response_json) return;
    if (!chat_.response_schema.is_object()) {
      return notes_.add(warning_code::option_unsupported, "this provider takes JSON output by schema");
    }
    if (is_claude() && !claude_.structured_output) return dropped("responseFormat");
    writer_.key("outputConfig").begin_object().key("textFormat").begin_object().field("type", "json_schema");
    writer_.key("structure").begin_object().key("jsonSchema").begin_object();
    writer_.field("schema", rewritten(chat_.response_schema));
    writer_.field("name", chat_.response_name.empty() ? RawString{"response"} : chat_.response_name);
    if (!chat_.response_description.empty()) writer_.field("description", chat_.response_description);
    writer_.end_object().end_object().end_object().end_object();
  }

  // Writes options that are not in Converse, under the names of the model's own API.
  void additional_fields() {
    std::string fields;
    JsonWriter json(fields);
    json.begin_object();
    if (adaptive_) json.key("thinking").begin_object().field("type", "adaptive").end_object();
    if (budget_ > 0) {
      json.key("thinking").begin_object().field("type", "enabled").field("budget_tokens", budget_).end_object();
    }
    if (!claude_effort_.empty()) json.key("output_config").begin_object().field("effort", claude_effort_).end_object();
    if (!gpt_effort_.empty()) json.field("reasoning_effort", gpt_effort_);
    if (!nova_effort_.empty()) {
      json.key("reasoningConfig").begin_object().field("type", "enabled");
      json.field("maxReasoningEffort", nova_effort_).end_object();
    }
    top_k(json);
    json.end_object();
    if (fields != "{}") writer_.field("additionalModelRequestFields", JsonSpan{fields});
  }

  void top_k(JsonWriter& json) {
    const bool refused = is_claude() && (is_thinking() || !claude_.sampling);
    const bool is_nova = family_ == Family::nova;
    if (!may_send(chat_.top_k, "topK", refused || (rules_.top_k.empty() && !is_nova))) return;
    if (is_nova) {
      json.key("inferenceConfig").begin_object().field("topK", *chat_.top_k).end_object();
    } else {
      json.field(rules_.top_k, *chat_.top_k);
    }
  }

  void note_unsupported() {
    if (chat_.seed) dropped("seed");
    if (chat_.logprobs.value_or(false)) dropped("logprobs");
    if (chat_.frequency_penalty) dropped("frequencyPenalty");
    if (chat_.presence_penalty) dropped("presencePenalty");
    if (!chat_.parallel_tool_calls.value_or(true)) dropped("parallelToolCalls");
  }

  const Family family_;
  const ModelRules rules_;
  const anthropic_messages::ModelRules claude_;
  SchemaBudget schema_budget_;
  std::optional<std::int64_t> max_tokens_;
  std::int64_t budget_ = 0;  // for Claude; 0: none
  bool adaptive_ = false;
  std::string claude_effort_;
  std::string_view gpt_effort_, nova_effort_;  // empty: none
};

std::expected<BuiltRequest, Error> build_converse(const StepInput& input) {
  auto request = start_operation(input.chat.stream.upstream ? "converse-stream" : "converse", input);
  if (!request) return std::unexpected(std::move(request).error());
  RequestNotes notes;
  const Family family = family_of(input.target.model);
  std::string options =
      apply_provider_options(OptionsWriter(input, family, notes).write(), input.chat, kReserved, notes);
  options.pop_back();  // removes the closing brace
  request->body.append(options);
  BodyWriter json(request->body, options.size() > 1);
  auto written = write_conversation(input.chat.system, input.messages, family, json, notes);
  if (!written) return std::unexpected(std::move(written).error());
  json.end_object();
  return finish_operation(*std::move(request), notes.take(), input);
}

}  // namespace

const WireApi kConverseApi = {build_converse, make_converse_decoder, aws_http_error};

}  // namespace aiw::bedrock
