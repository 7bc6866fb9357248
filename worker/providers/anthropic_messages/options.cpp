#include "worker/providers/anthropic_messages/options.hpp"

#include <algorithm>
#include <utility>

#include "protocol/codes.hpp"
#include "protocol/json_writer.hpp"
#include "worker/providers/anthropic_messages/messages.hpp"
#include "worker/providers/anthropic_messages/model.hpp"
#include "worker/providers/codec/options_writer.hpp"
#include "worker/providers/profile/server_profile.hpp"
#include "worker/providers/schema/rewriter.hpp"

namespace aiw::anthropic_messages {
namespace {

constexpr std::int64_t kDefaultMaxTokens = 4096;

// Returns the model's rules, limited by the server's.
ModelRules rules_of(const StepInput& input) {
  ModelRules rules = model_rules(input.target.model);
  rules.structured_output = rules.structured_output && server_profile(input).structured_output;
  return rules;
}

class OptionsWriter : OptionsWriterBase {
 public:
  OptionsWriter(const StepInput& input, Host host, const DerivedOptions& derived, RequestNotes& notes)
      : OptionsWriterBase(input, notes), host_(host), derived_(derived) {}

  std::string write() {
    decide_max_tokens();
    decide_thinking();
    writer_.begin_object();
    host_members();
    writer_.field("max_tokens", max_tokens_);
    thinking();
    output_config();
    sampling();
    write_stop_sequences(writer_, "stop_sequences", chat_);
    if (!chat_.tools.empty()) {
      tools();
      tool_choice();
    }
    if (!derived_.container.empty()) writer_.field("container", derived_.container);
    note_unsupported();
    writer_.end_object();
    return std::move(out_);
  }

 private:
  void decide_max_tokens() {
    const auto& limit = input_.target.max_tokens;
    const auto unasked = limit ? std::min(*limit, rules_.output_limit) : kDefaultMaxTokens;
    max_tokens_ = output_token_limit(chat_, input_.target, notes_).value_or(unasked);
  }

  void decide_thinking() {
    if (!chat_.reasoning) return;
    const std::string effort = chat_.reasoning->effort.text();
    const auto& budget = chat_.reasoning->budget_tokens;
    if (effort == "none" || (budget && *budget <= 0)) return;
    if (is_tool_forced(input_))
      return notes_.add(warning_code::thinking_dropped, "a forced tool choice excludes thinking");
    if (rules_.adaptive_thinking && !(budget && rules_.thinking_budget)) {
      adaptive_ = true;
      effort_ = effort == "minimal" ? "low" : effort;
      if (budget) notes_.add(warning_code::budget_dropped, "this model decides itself how much it thinks");
      return;
    }
    if (budget || !effort.empty()) decide_budget(budget ? *budget : thinking_budget_of_effort(effort));
  }

  // The budget is part of max_tokens and must be lower.
  void decide_budget(std::int64_t wanted) {
    constexpr std::int64_t kNoLimit = 1'000'000;
    const auto limit = std::min(input_.target.max_tokens.value_or(kNoLimit), kNoLimit);
    budget_ = std::clamp(wanted, kMinThinkingBudget, kNoLimit);
    if (max_tokens_ <= budget_) {
      max_tokens_ = std::min(std::max(limit, max_tokens_), max_tokens_ + budget_);
      notes_.add(warning_code::max_tokens_raised, "maxOutputTokens leaves no room for the thinking budget");
    }
    budget_ = std::min(budget_, max_tokens_ - 1);
    if (budget_ < kMinThinkingBudget) return drop_budget("the model's limit is too low");
    if (!derived_.thinking_budget) {
      drop_budget("tools are being used in a turn that did not begin with thinking");
    }
  }

  void drop_budget(std::string_view reason) {
    budget_ = 0;
    notes_.add(warning_code::thinking_dropped, reason);
  }

  // Writes the members that differ between hosts, per the documentation of Claude on Vertex AI and on Amazon Bedrock.
  void host_members() {
    switch (host_) {
      case Host::anthropic: writer_.field("model", input_.target.model); break;
      case Host::vertex: writer_.field("anthropic_version", "vertex-2023-10-16"); break;
      case Host::bedrock: writer_.field("anthropic_version", "bedrock-2023-05-31"); break;
    }
    if (host_ != Host::bedrock) {
      writer_.field("stream", chat_.stream.upstream);
    } else if (!derived_.betas.empty()) {
      writer_.key("anthropic_beta").begin_array();
      for (const std::string& beta : derived_.betas) writer_.string(beta);
      writer_.end_array();
    }
  }

  void thinking() {
    if (adaptive_) writer_.key("thinking").begin_object().field("type", "adaptive").end_object();
    if (budget_ > 0) {
      writer_.key("thinking").begin_object().field("type", "enabled").field("budget_tokens", budget_).end_object();
    }
  }

  void output_config() {
    const bool has_format = chat_.response_schema.is_object() && rules_.structured_output;
    if (effort_.empty() && !has_format) return;
    writer_.key("output_config").begin_object();
    if (!effort_.empty()) writer_.field("effort", effort_);
    if (has_format) {
      writer_.key("format").begin_object().field("type", "json_schema");
      write_schema("schema", chat_.response_schema);
      writer_.end_object();
    }
    writer_.end_object();
  }

  void write_schema(std::string_view key, JsonSpan schema) {
    const auto rewritten = rewrite_schema(schema, kClaudeSchemas, schema_budget_, notes_);
    writer_.field(key, JsonSpan{rewritten.json});
  }

  // Both forms of thinking require the default temperature and no top_k; a budget allows a top_p near 1. Newer models
  // refuse all values except the defaults; the default temperature is 1.
  void sampling() {
    const bool thinking = adaptive_ || budget_ > 0;
    const bool is_free = rules_.sampling && !thinking;
    if (chat_.temperature && is_free) {
      if (*chat_.temperature > 1)
        notes_.add(warning_code::temperature_lowered, "this provider's temperature ends at 1");
      writer_.field("temperature", std::clamp(*chat_.temperature, 0.0, 1.0));
    } else if (chat_.temperature && *chat_.temperature != 1) {
      dropped("temperature");
    }
    if (chat_.top_p) {
      const bool is_allowed = thinking ? rules_.sampling && *chat_.top_p >= 0.95 : rules_.sampling;
      const bool is_second = is_free && chat_.temperature && !rules_.both_sampling;
      option("top_p", chat_.top_p, is_allowed && !is_second, "topP");
    }
    option("top_k", chat_.top_k, is_free, "topK");
  }

  void tools() {
    writer_.key("tools").begin_array();
    for (const Tool& tool : chat_.tools) one_tool(tool);
    writer_.end_array();
  }

  void one_tool(const Tool& tool) {
    if (!tool.definition.empty()) {
      writer_.raw(tool.definition);
      return;
    }
    const bool strict = tool.strict.value_or(false) && rules_.structured_output;
    if (tool.strict.value_or(false) && !strict) dropped("tools.strict");
    writer_.begin_object().field("name", tool.name);
    if (!tool.description.empty()) writer_.field("description", tool.description);
    const JsonSpan schema = tool.input_schema.is_object() ? tool.input_schema : kNoParameters;
    if (strict) {
      write_schema("input_schema", schema);
      writer_.field("strict", true);
    } else {
      writer_.field("input_schema", schema);
    }
    write_cache_control(writer_, tool.cache);
    writer_.end_object();
  }

  // A step without tools still defines them: the history may hold calls, and the API refuses calls of unknown tools.
  void tool_choice() {
    const bool serial = !chat_.parallel_tool_calls.value_or(true);
    const ToolChoice choice = chat_.tool_choice.value_or(ToolChoice{});
    const bool none = !input_.offer_tools || choice.type == ToolChoiceType::none;
    if (!chat_.tool_choice && !serial && !none) return;
    writer_.key("tool_choice").begin_object();
    if (none) {
      writer_.field("type", "none");
    } else if (choice.type == ToolChoiceType::tool) {
      writer_.field("type", "tool").field("name", choice.tool_name);
    } else {
      writer_.field("type", choice.type == ToolChoiceType::required ? "any" : "auto");
    }
    if (serial && !none) writer_.field("disable_parallel_tool_use", true);
    writer_.end_object();
  }

  void note_unsupported() {
    if (chat_.seed) dropped("seed");
    if (chat_.logprobs.value_or(false)) dropped("logprobs");
    if (chat_.frequency_penalty) dropped("frequencyPenalty");
    if (chat_.presence_penalty) dropped("presencePenalty");
  }

  const Host host_;
  const DerivedOptions& derived_;
  SchemaBudget schema_budget_;
  const ModelRules rules_ = rules_of(input_);
  std::int64_t max_tokens_ = 0;
  std::int64_t budget_ = 0;  // 0: none
  bool adaptive_ = false;
  std::string effort_;  // empty: none
};

}  // namespace

std::string write_options(const StepInput& input, Host host, const DerivedOptions& derived, RequestNotes& notes) {
  return OptionsWriter(input, host, derived, notes).write();
}

std::string json_instruction(const StepInput& input) {
  const ChatRequest& chat = input.chat;
  if (!chat.response_json) return {};
  if (!chat.response_schema.is_object()) {
    return "Answer with one JSON object and nothing else: no explanation, no code fence.";
  }
  if (rules_of(input).structured_output) return {};
  return "Answer with one JSON value that matches this JSON Schema and nothing else: no explanation, no code fence.\n" +
         std::string(chat.response_schema.json);
}

}  // namespace aiw::anthropic_messages
