#include "protocol/encode_common.hpp"

namespace aiw {

std::string_view to_string(ContentKind kind) {
  switch (kind) {
    case ContentKind::text: return "text";
    case ContentKind::reasoning: return "reasoning";
    case ContentKind::tool_input: return "tool_input";
    case ContentKind::refusal: break;
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
