#include "worker/providers/anthropic_messages_options.hpp"

#include <algorithm>
#include <utility>

namespace aiw {
namespace {

constexpr std::int64_t kDefaultMaxTokens = 4096;

}  // namespace

AnthropicOptions::AnthropicOptions(const StepInput& input, AnthropicHost host, RequestNotes& notes)
    : input_(input), chat_(input.chat), host_(host), notes_(notes), rules_(anthropic_model_rules(input.target.model)) {
  decide_max_tokens();
  decide_thinking();
}

void AnthropicOptions::decide_max_tokens() {
  const auto& limit = input_.target.max_tokens;
  if (!chat_.max_output_tokens) {
    max_tokens_ = limit ? std::min(*limit, rules_.output_limit) : kDefaultMaxTokens;
    return;
  }
  max_tokens_ = limit ? std::min(*chat_.max_output_tokens, *limit) : *chat_.max_output_tokens;
  if (max_tokens_ < *chat_.max_output_tokens) notes_.add("max_tokens_lowered", "maxOutputTokens is above the model's");
}

void AnthropicOptions::decide_thinking() {
  if (!chat_.reasoning) return;
  const std::string effort = chat_.reasoning->effort.text();
  const auto& budget = chat_.reasoning->budget_tokens;
  if (effort == "none" || (budget && *budget <= 0)) return;
  if (rules_.adaptive_thinking && !(budget && rules_.thinking_budget)) {
    adaptive_ = true;
    effort_ = effort == "minimal" ? "low" : effort;
    if (budget) notes_.add("budget_dropped", "this model decides itself how much it thinks");
    return;
  }
  if (budget || !effort.empty()) decide_budget(budget ? *budget : thinking_budget_of_effort(effort));
}

// The budget is part of max_tokens and must be less.
void AnthropicOptions::decide_budget(std::int64_t wanted) {
  constexpr std::int64_t kNoLimit = 1'000'000;
  const auto limit = std::min(input_.target.max_tokens.value_or(kNoLimit), kNoLimit);
  budget_ = std::clamp(wanted, kMinThinkingBudget, kNoLimit);
  if (max_tokens_ <= budget_) {
    max_tokens_ = std::min(std::max(limit, max_tokens_), max_tokens_ + budget_);
    notes_.add("max_tokens_raised", "maxOutputTokens leaves no room for the thinking budget");
  }
  budget_ = std::min(budget_, max_tokens_ - 1);
  const bool forced =
      chat_.tool_choice && !chat_.tools.empty() && input_.offer_tools &&
      (chat_.tool_choice->type == ToolChoiceType::required || chat_.tool_choice->type == ToolChoiceType::tool);
  if (budget_ >= kMinThinkingBudget && !forced) return;
  budget_ = 0;
  notes_.add("thinking_dropped", forced ? "a forced tool choice excludes thinking" : "the model's limit is too low");
}

std::string AnthropicOptions::write(const std::vector<std::string>& betas) {
  writer_.begin_object();
  write_host(betas);
  writer_.field("max_tokens", max_tokens_);
  write_thinking();
  write_sampling();
  write_stop_sequences();
  write_tools();
  write_tool_choice();
  note_unsupported();
  writer_.end_object();
  return std::move(out_);
}

// What differs between the hosts, as the documentation of Claude on Vertex AI and on Amazon Bedrock has it.
void AnthropicOptions::write_host(const std::vector<std::string>& betas) {
  switch (host_) {
    case AnthropicHost::anthropic: writer_.field("model", input_.target.model); break;
    case AnthropicHost::vertex: writer_.field("anthropic_version", "vertex-2023-10-16"); break;
    case AnthropicHost::bedrock: writer_.field("anthropic_version", "bedrock-2023-05-31"); break;
  }
  if (host_ != AnthropicHost::bedrock) {
    writer_.field("stream", chat_.stream.upstream);
  } else if (!betas.empty()) {
    writer_.key("anthropic_beta").begin_array();
    for (const std::string& beta : betas) writer_.string(beta);
    writer_.end_array();
  }
}

void AnthropicOptions::write_thinking() {
  if (adaptive_) writer_.key("thinking").begin_object().field("type", "adaptive").end_object();
  if (budget_ > 0) {
    writer_.key("thinking").begin_object().field("type", "enabled").field("budget_tokens", budget_).end_object();
  }
  const bool has_format = chat_.response_schema.is_object();
  if (chat_.response_json && !has_format) notes_.add("option_unsupported", "this provider takes JSON output by schema");
  if (effort_.empty() && !has_format) return;
  writer_.key("output_config").begin_object();
  if (!effort_.empty()) writer_.field("effort", effort_);
  if (has_format) {
    writer_.key("format").begin_object().field("type", "json_schema");
    writer_.field("schema", chat_.response_schema).end_object();
  }
  writer_.end_object();
}

void AnthropicOptions::write_sampling() {
  const bool thinking = adaptive_ || budget_ > 0;
  if ((chat_.temperature || chat_.top_p) && (thinking || !rules_.sampling)) {
    return notes_.add("sampling_dropped", "this model takes no temperature and no topP here");
  }
  if (chat_.temperature) {
    if (*chat_.temperature > 1) notes_.add("temperature_lowered", "this provider's temperature ends at 1");
    writer_.field("temperature", std::clamp(*chat_.temperature, 0.0, 1.0));
  }
  if (!chat_.top_p) return;
  if (chat_.temperature && !rules_.both_sampling) {
    return notes_.add("sampling_dropped", "this model takes either temperature or topP");
  }
  writer_.field("top_p", *chat_.top_p);
}

void AnthropicOptions::write_stop_sequences() {
  if (chat_.stop_sequences.empty()) return;
  writer_.key("stop_sequences").begin_array();
  for (const RawString sequence : chat_.stop_sequences) writer_.raw(sequence);
  writer_.end_array();
}

void AnthropicOptions::write_tools() {
  if (chat_.tools.empty()) return;
  writer_.key("tools").begin_array();
  for (const Tool& tool : chat_.tools) {
    if (!tool.definition.empty()) {
      writer_.raw(tool.definition);
      continue;
    }
    writer_.begin_object().field("name", tool.name);
    if (!tool.description.empty()) writer_.field("description", tool.description);
    const JsonSpan any{R"({"type":"object","properties":{}})"};
    writer_.field("input_schema", tool.input_schema.is_object() ? tool.input_schema : any).end_object();
  }
  writer_.end_array();
}

// A step without tools still defines them: the history may hold calls, and the API refuses calls of unknown tools.
void AnthropicOptions::write_tool_choice() {
  if (chat_.tools.empty()) return;
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

void AnthropicOptions::note_unsupported() {
  if (chat_.seed) notes_.dropped("seed", input_.target);
  if (chat_.logprobs.value_or(false)) notes_.dropped("logprobs", input_.target);
  if (chat_.frequency_penalty) notes_.dropped("frequencyPenalty", input_.target);
  if (chat_.presence_penalty) notes_.dropped("presencePenalty", input_.target);
}

}  // namespace aiw
