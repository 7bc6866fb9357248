#include "worker/providers/openai_chat/usage.hpp"

namespace aiw::openai_chat {
namespace {

std::optional<std::int64_t> first_count(const JsonElement& object, std::initializer_list<std::string_view> keys) {
  for (const auto key : keys) {
    if (const auto count = get_count(object, key)) return count;
  }
  return std::nullopt;
}

// xAI and a few others leave reasoning out of completion_tokens. Their own total shows it.
void include_reasoning(Usage& usage) {
  if (!usage.input_tokens || !usage.output_tokens || !usage.total_tokens || !usage.reasoning_tokens) return;
  const std::int64_t rest = *usage.total_tokens - *usage.input_tokens;
  if (*usage.reasoning_tokens > 0 && rest - *usage.output_tokens == *usage.reasoning_tokens) usage.output_tokens = rest;
}

// Returns the cost in US dollars. OpenRouter and Vercel send a number, Perplexity its parts and their sum, xAI ticks of
// 1e-10.
std::optional<double> read_cost(const JsonElement& usage) {
  double value = 0;
  if (auto cost = get_member(usage, "cost")) {
    if (cost->is_object()) cost = get_member(*cost, "total_cost");
    if (cost && cost->get(value) == simdjson::SUCCESS && value >= 0) return value;
  }
  if (const auto ticks = get_count(usage, "cost_in_usd_ticks")) return static_cast<double>(*ticks) * 1e-10;
  return std::nullopt;
}

}  // namespace

Usage read_usage(const JsonElement& usage) {
  // Chat Completions and Responses name the groups of details differently.
  auto input = get_member(usage, "prompt_tokens_details"), output = get_member(usage, "completion_tokens_details");
  if (!input) input = get_member(usage, "input_tokens_details");
  if (!output) output = get_member(usage, "output_tokens_details");
  Usage out;
  out.input_tokens = first_count(usage, {"prompt_tokens", "input_tokens"});
  out.output_tokens = first_count(usage, {"completion_tokens", "output_tokens"});
  out.total_tokens = get_count(usage, "total_tokens");
  out.cached_input_tokens = input ? get_count(*input, "cached_tokens") : std::nullopt;
  // DeepSeek, Moonshot and Databricks send it beside the other counts.
  if (!out.cached_input_tokens) {
    out.cached_input_tokens = first_count(
        usage, {"prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens", "cache_read_input_tokens"});
  }
  // From OpenRouter, and from gateways to Claude, which send zero for every model.
  out.cache_write_tokens = input ? get_count(*input, "cache_write_tokens") : std::nullopt;
  const auto created = get_count(usage, "cache_creation_input_tokens");
  if (!out.cache_write_tokens && created && *created > 0) out.cache_write_tokens = created;
  out.reasoning_tokens = output ? get_count(*output, "reasoning_tokens") : std::nullopt;
  if (!out.reasoning_tokens) out.reasoning_tokens = get_count(usage, "reasoning_tokens");
  out.cost = read_cost(usage);
  include_reasoning(out);
  return out;
}

}  // namespace aiw::openai_chat
