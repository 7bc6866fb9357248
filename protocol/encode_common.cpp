#include "protocol/encode_common.hpp"

namespace aiw {

std::string_view to_string(DeltaKind kind) {
  switch (kind) {
    case DeltaKind::text: return "text";
    case DeltaKind::reasoning: return "reasoning";
    case DeltaKind::tool_input: return "tool_input";
    case DeltaKind::refusal: break;
  }
  return "refusal";
}

void write_usage_fields(JsonWriter& json, const Usage& usage) {
  json.field("inputTokens", usage.input_tokens);
  json.field("outputTokens", usage.output_tokens);
  json.field("totalTokens", usage.total_tokens);
  json.field("cachedInputTokens", usage.cached_input_tokens);
  json.field("cacheWriteTokens", usage.cache_write_tokens);
  json.field("reasoningTokens", usage.reasoning_tokens);
  if (usage.cost) json.field("cost", *usage.cost);
  json.field("accuracy", to_string(usage.accuracy));
}

void write_usage(JsonWriter& json, const Usage& usage) {
  json.begin_object();
  write_usage_fields(json, usage);
  json.end_object();
}

}  // namespace aiw
