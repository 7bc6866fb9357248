#include "worker/providers/google/metadata.hpp"

#include <algorithm>
#include <utility>

#include "protocol/json_text.hpp"
#include "worker/providers/codec/logprobs_writer.hpp"

namespace aiw::google {
namespace {

struct TokenCounts {
  std::optional<std::int64_t> prompt, tool_prompt, candidates, thoughts, cached, total;
};
using TokenCount = std::pair<std::string_view, std::optional<std::int64_t> TokenCounts::*>;
constexpr TokenCount kTokenCounts[] = {
    {"promptTokenCount", &TokenCounts::prompt},     {"candidatesTokenCount", &TokenCounts::candidates},
    {"totalTokenCount", &TokenCounts::total},       {"toolUsePromptTokenCount", &TokenCounts::tool_prompt},
    {"thoughtsTokenCount", &TokenCounts::thoughts}, {"cachedContentTokenCount", &TokenCounts::cached},
};

// Kinds of a grounding chunk, with the names of their members.
struct ChunkKind {
  std::string_view name, url, id{}, other_id{}, quote{};
  Source::Type type = Source::Type::url;
};
constexpr ChunkKind kChunkKinds[] = {
    {"web", "uri"},
    {"maps", "uri", "placeId"},
    {"image", "sourceUri"},
    {"retrievedContext", "uri", "documentName", "fileSearchStore", "text", Source::Type::document},
};

std::int64_t sum(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  return __builtin_add_overflow(a, b, &result) ? std::max(a, b) : result;
}

// Returns the log probability. The API omits it if it is 0.
double logprob_of(const JsonElement& candidate) {
  double logprob = 0;
  if (const auto value = get_member(candidate, "logProbability")) std::ignore = value->get(logprob);
  return logprob;
}

}  // namespace

std::string text_of(const EventJson& json, const JsonElement& object, std::string_view key) {
  return json.plain_text(get_string_or_empty(object, key));
}

std::optional<Usage> read_usage(const JsonElement& metadata) {
  simdjson::dom::object members;
  if (metadata.get(members) != simdjson::SUCCESS) return std::nullopt;
  TokenCounts counts;
  bool any = false;
  for (const auto [name, value] : members) {
    const auto* found = std::ranges::find(kTokenCounts, name, &TokenCount::first);
    const auto number = found == std::end(kTokenCounts) ? std::nullopt : as_count(value);
    if (!number) continue;
    counts.*found->second = number;
    any = true;
  }
  if (!any) return std::nullopt;
  Usage usage;
  usage.input_tokens = sum(counts.prompt.value_or(0), counts.tool_prompt.value_or(0));
  usage.output_tokens = sum(counts.candidates.value_or(0), counts.thoughts.value_or(0));
  usage.total_tokens = counts.total ? *counts.total : sum(*usage.input_tokens, *usage.output_tokens);
  usage.cached_input_tokens = counts.cached;
  usage.reasoning_tokens = counts.thoughts;
  return usage;
}

void Sources::report(Source source, StepSink& sink) {
  if (source.url.empty() && source.title.empty() && source.id.empty()) return;
  std::string key = source.url + '\n' + source.id + '\n' + source.title + '\n' + source.quote;
  if (known_.size() < kMaxSources && known_.insert(std::move(key)).second) sink.source(source);
}

void Sources::add_grounding(const EventJson& json, const JsonElement& metadata, StepSink& sink) {
  const auto chunks = get_array(metadata, "groundingChunks");
  if (!chunks) return;
  for (const JsonElement chunk : *chunks) {
    for (const auto& kind : kChunkKinds) {
      const auto found = get_member(chunk, kind.name);
      if (!found) continue;
      Source source{.type = kind.type};
      source.url = text_of(json, *found, kind.url);
      source.title = text_of(json, *found, "title");
      source.id = text_of(json, *found, kind.id);
      source.quote = text_of(json, *found, kind.quote);
      if (source.id.empty()) source.id = text_of(json, *found, kind.other_id);
      report(std::move(source), sink);
      break;
    }
  }
}

// AI Studio uses citationSources, Vertex AI citations.
void Sources::add_citations(const EventJson& json, const JsonElement& metadata, StepSink& sink) {
  for (const std::string_view key : {"citationSources", "citations"}) {
    const auto citations = get_array(metadata, key);
    if (!citations) continue;
    for (const JsonElement citation : *citations) {
      Source source;
      source.url = text_of(json, citation, "uri");
      source.title = text_of(json, citation, "title");
      report(std::move(source), sink);
    }
  }
}

void Sources::add_url_context(const EventJson& json, const JsonElement& metadata, StepSink& sink) {
  const auto urls = get_array(metadata, "urlMetadata");
  if (!urls) return;
  for (const JsonElement url : *urls) {
    if (get_string_or_empty(url, "urlRetrievalStatus") != "URL_RETRIEVAL_STATUS_SUCCESS") continue;
    Source source;
    source.url = text_of(json, url, "retrievedUrl");
    report(std::move(source), sink);
  }
}

// Keeps the chunks although they are also reported as sources, because supports refer to them by number.
void Grounding::add(const EventJson& json, const JsonElement& metadata) {
  constexpr std::string_view kChunks = "groundingChunks";
  simdjson::dom::object given;
  if (metadata.get(given) != simdjson::SUCCESS) return;
  std::size_t bytes = 0;
  for (const auto& [name, value] : members_) bytes += value.size();
  for (const auto [key, value] : given) {
    simdjson::dom::array list;
    const bool is_empty = value.is_null() || (value.get(list) == simdjson::SUCCESS && list.begin() == list.end());
    if (is_empty) continue;
    if (key != kChunks) says_more_ = true;
    std::string text = json.json_text(value);
    if (bytes + key.size() + text.size() > kMaxBytes) continue;
    bytes += key.size() + text.size();
    members_[json.plain_text(key)] = std::move(text);
  }
}

std::string Grounding::json() const {
  std::string json;
  for (const auto& [name, value] : members_) {
    json += json.empty() ? '{' : ',';
    append_json_string(json, name);
    json.append(":").append(value);
  }
  return json + "}";
}

std::string read_logprobs(const EventJson& json, const JsonElement& result) {
  const auto chosen = get_array(result, "chosenCandidates");
  const auto steps = get_array(result, "topCandidates");
  if (!chosen) return {};
  LogprobsWriter out;
  auto step = steps ? steps->begin() : simdjson::dom::array::iterator();
  for (const JsonElement token : *chosen) {
    out.token(text_of(json, token, "token"), logprob_of(token));
    if (!steps || step == steps->end()) continue;
    if (const auto candidates = get_array(*step, "candidates")) {
      for (const JsonElement other : *candidates) out.alternative(text_of(json, other, "token"), logprob_of(other));
    }
    ++step;
  }
  return out.empty() ? std::string() : std::string(out.finish());
}

}  // namespace aiw::google
