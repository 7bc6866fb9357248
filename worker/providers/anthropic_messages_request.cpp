#include "worker/providers/anthropic_messages_request.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/json_writer.hpp"
#include "worker/providers/anthropic_messages.hpp"

namespace aiw {
namespace {

constexpr std::string_view kDefaultBaseUrl = "https://api.anthropic.com";
constexpr std::string_view kApiVersion = "2023-06-01";
constexpr std::int64_t kDefaultMaxTokens = 4096;
constexpr std::int64_t kMinBudget = 1024;  // the API's least
// Ours, and not for providerOptions: the answer could not be read, or the conversation would be lost.
constexpr std::array<std::string_view, 2> kReserved = {"messages", "stream"};

std::int64_t budget_of_effort(std::string_view effort) {
  static constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> kBudgets = {{
      {"minimal", 1024},
      {"low", 4096},
      {"medium", 8192},
      {"high", 16'384},
  }};
  const auto* found = std::ranges::find(kBudgets, effort, &std::pair<std::string_view, std::int64_t>::first);
  return found == kBudgets.end() ? 32'768 : found->second;  // "xhigh", "max"
}

std::string endpoint(std::string_view base_url) {
  while (base_url.ends_with('/')) base_url.remove_suffix(1);
  if (base_url.empty()) base_url = kDefaultBaseUrl;
  return join_url(base_url, base_url.ends_with("/v1") ? "messages" : "v1/messages");
}

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool has_header(const std::vector<Header>& headers, std::string_view name) {
  return std::ranges::any_of(headers, [&](const Header& header) { return same_name(header.name, name); });
}

// The config's own headers win; one that authorises replaces the key.
std::vector<Header> make_headers(const Target& target, bool stream) {
  std::vector<Header> ours = {
      {"content-type", "application/json"},
      {"accept", stream ? "text/event-stream" : "application/json"},
      {"anthropic-version", std::string(kApiVersion)},
  };
  if (!target.api_key.empty() && !has_header(target.headers, "authorization")) {
    ours.push_back({"x-api-key", target.api_key, true});
  }
  std::erase_if(ours, [&](const Header& header) { return has_header(target.headers, header.name); });
  ours.insert(ours.end(), target.headers.begin(), target.headers.end());
  return ours;
}

}  // namespace

AnthropicRequestBody::AnthropicRequestBody(const StepInput& input, AnthropicNotes& notes)
    : input_(input), chat_(input.chat), notes_(notes), rules_(anthropic_model_rules(input.target.model)) {
  for (const auto& [name, value] : chat_.provider_options) {
    if (std::ranges::find(kReserved, name) == kReserved.end()) replaced_.insert(name);
  }
  decide_max_tokens();
  decide_thinking();
}

void AnthropicRequestBody::decide_max_tokens() {
  const auto& limit = input_.target.max_tokens;
  if (!chat_.max_output_tokens) {
    max_tokens_ = limit ? std::min(*limit, rules_.output_limit) : kDefaultMaxTokens;
    return;
  }
  max_tokens_ = limit ? std::min(*chat_.max_output_tokens, *limit) : *chat_.max_output_tokens;
  if (max_tokens_ < *chat_.max_output_tokens) notes_.add("max_tokens_lowered", "maxOutputTokens is above the model's");
}

void AnthropicRequestBody::decide_thinking() {
  if (!chat_.reasoning) return;
  const std::string effort = chat_.reasoning->effort.text();
  const auto& budget = chat_.reasoning->budget_tokens;
  if (effort == "none" || (budget && *budget <= 0)) return;
  if (rules_.adaptive_thinking && !(budget && rules_.thinking_budget)) {
    adaptive_ = true;
    append_json_escaped(effort_, effort == "minimal" ? "low" : effort);
    if (budget) notes_.add("budget_dropped", "this model decides itself how much it thinks");
    return;
  }
  if (budget || !effort.empty()) decide_budget(budget ? *budget : budget_of_effort(effort));
}

// The budget is part of max_tokens and must be less.
void AnthropicRequestBody::decide_budget(std::int64_t wanted) {
  constexpr std::int64_t kNoLimit = 1'000'000;
  const auto limit = std::min(input_.target.max_tokens.value_or(kNoLimit), kNoLimit);
  budget_ = std::clamp(wanted, kMinBudget, kNoLimit);
  if (max_tokens_ <= budget_) {
    max_tokens_ = std::min(std::max(limit, max_tokens_), max_tokens_ + budget_);
    notes_.add("max_tokens_raised", "maxOutputTokens leaves no room for the thinking budget");
  }
  budget_ = std::min(budget_, max_tokens_ - 1);
  const bool forced =
      chat_.tool_choice && !chat_.tools.empty() && input_.offer_tools &&
      (chat_.tool_choice->type == ToolChoiceType::required || chat_.tool_choice->type == ToolChoiceType::tool);
  if (budget_ >= kMinBudget && !forced) return;
  budget_ = 0;
  notes_.add("thinking_dropped", forced ? "a forced tool choice excludes thinking" : "the model's limit is too low");
}

bool AnthropicRequestBody::begin(std::string_view name) {
  if (replaced_.contains(name)) return false;
  body_->append(",\"");
  body_->append(name);
  body_->append("\":");
  return true;
}

void AnthropicRequestBody::write_options(Rope& body, const AnthropicConversation& conversation) {
  body_ = &body;
  body.append(chat_.stream.upstream ? R"({"stream":true)" : R"({"stream":false)");
  std::string model;
  append_json_string(model, input_.target.model);
  if (begin("model")) body.append(model);
  if (begin("max_tokens")) body.append(std::to_string(max_tokens_));
  write_system(conversation);
  write_thinking();
  write_sampling();
  write_stop_sequences();
  write_tools();
  write_tool_choice();
  if (chat_.seed || chat_.logprobs.value_or(false)) {
    notes_.add("option_unsupported", "this provider has no seed and no logprobs");
  }
  write_provider_options();
  body.append(",\"messages\":");
}

void AnthropicRequestBody::write_system(const AnthropicConversation& conversation) {
  if (!replaced_.contains("system")) conversation.write_system(*body_, chat_.system);
}

void AnthropicRequestBody::write_thinking() {
  if (adaptive_ && begin("thinking")) body_->append(R"({"type":"adaptive"})");
  if (budget_ > 0 && begin("thinking")) {
    body_->append(R"({"type":"enabled","budget_tokens":)");
    body_->append(std::to_string(budget_));
    body_->append("}");
  }
  const bool has_format = chat_.response_schema.is_object();
  if (chat_.response_json && !has_format) notes_.add("option_unsupported", "this provider takes JSON output by schema");
  if ((effort_.empty() && !has_format) || !begin("output_config")) return;
  body_->append("{");
  if (!effort_.empty()) body_->append("\"effort\":\"" + effort_ + "\"");
  if (has_format) {
    body_->append(effort_.empty() ? R"("format":{"type":"json_schema","schema":)"
                                  : R"(,"format":{"type":"json_schema","schema":)");
    body_->splice(chat_.response_schema.json);
    body_->append("}");
  }
  body_->append("}");
}

void AnthropicRequestBody::write_sampling() {
  const bool thinking = adaptive_ || budget_ > 0;
  if ((chat_.temperature || chat_.top_p) && (thinking || !rules_.sampling)) {
    return notes_.add("sampling_dropped", "this model takes no temperature and no topP here");
  }
  const auto write = [&](std::string_view name, double value) {
    std::string number;
    JsonWriter(number).number(value);
    if (begin(name)) body_->append(number);
  };
  if (chat_.temperature) {
    if (*chat_.temperature > 1) notes_.add("temperature_lowered", "this provider's temperature ends at 1");
    write("temperature", std::clamp(*chat_.temperature, 0.0, 1.0));
  }
  if (!chat_.top_p) return;
  if (chat_.temperature && !rules_.both_sampling) {
    return notes_.add("sampling_dropped", "this model takes either temperature or topP");
  }
  write("top_p", *chat_.top_p);
}

void AnthropicRequestBody::write_stop_sequences() {
  if (chat_.stop_sequences.empty() || !begin("stop_sequences")) return;
  std::string_view separator = "[";
  for (const RawString& sequence : chat_.stop_sequences) {
    body_->append(separator);
    body_->append("\"");
    body_->splice(sequence.raw);
    body_->append("\"");
    separator = ",";
  }
  body_->append("]");
}

void AnthropicRequestBody::write_tools() {
  if (chat_.tools.empty() || !begin("tools")) return;
  std::string_view separator = "[";
  for (const Tool& tool : chat_.tools) {
    body_->append(separator);
    separator = ",";
    body_->append(R"({"name":")");
    body_->splice(tool.name.raw);
    if (!tool.description.empty()) {
      body_->append(R"(","description":")");
      body_->splice(tool.description.raw);
    }
    body_->append(R"(","input_schema":)");
    body_->splice(tool.input_schema.is_object() ? tool.input_schema.json : R"({"type":"object","properties":{}})");
    body_->append("}");
  }
  body_->append("]");
}

// A step without tools still defines them: the history may hold calls, and the API refuses calls of unknown tools.
void AnthropicRequestBody::write_tool_choice() {
  if (chat_.tools.empty()) return;
  const bool serial = !chat_.parallel_tool_calls.value_or(true);
  const ToolChoice choice = chat_.tool_choice.value_or(ToolChoice{});
  const bool none = !input_.offer_tools || choice.type == ToolChoiceType::none;
  if (!chat_.tool_choice && !serial && !none) return;
  if (!begin("tool_choice")) return;
  if (none) return body_->append(R"({"type":"none"})");
  if (choice.type == ToolChoiceType::tool) {
    body_->append(R"({"type":"tool","name":")");
    body_->splice(choice.tool_name.raw);
    body_->append("\"");
  } else {
    body_->append(choice.type == ToolChoiceType::required ? R"({"type":"any")" : R"({"type":"auto")");
  }
  body_->append(serial ? R"(,"disable_parallel_tool_use":true})" : "}");
}

void AnthropicRequestBody::write_provider_options() {
  for (const auto& [name, value] : chat_.provider_options) {
    if (replaced_.erase(name) == 0) {
      notes_.add("provider_option_dropped", "providerOptions may not set messages or stream");
      continue;
    }
    std::string key = ",";
    append_json_string(key, name);
    body_->append(key + ":");
    body_->splice(value.json);
  }
}

std::expected<BuiltRequest, Error> build_anthropic_messages(const StepInput& input) {
  AnthropicNotes notes;
  AnthropicConversation conversation(input.messages, notes);
  if (auto planned = conversation.plan(); !planned) return std::unexpected(std::move(planned.error()));
  BuiltRequest built;
  built.http.url = endpoint(input.target.base_url);
  built.http.headers = make_headers(input.target, input.chat.stream.upstream);
  AnthropicRequestBody(input, notes).write_options(built.http.body, conversation);
  conversation.write_messages(built.http.body);
  built.http.body.append("}");
  built.notes = notes.take();
  return built;
}

}  // namespace aiw
