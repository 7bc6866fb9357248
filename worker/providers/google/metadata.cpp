#include "worker/providers/google/metadata.hpp"

#include <algorithm>
#include <utility>

#include "protocol/json_text.hpp"
#include "worker/providers/codec/logprobs_writer.hpp"

namespace aiw::google {
namespace {

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

std::optional<Usage> read_usage(const JsonElement& metadata) {
  std::optional<JsonElement> members[6];
  auto& [prompt, tool_prompt, candidates, thoughts, cached, total] = members;
  read_members(metadata, {{"promptTokenCount", prompt},
                          {"candidatesTokenCount", candidates},
                          {"totalTokenCount", total},
                          {"toolUsePromptTokenCount", tool_prompt},
                          {"thoughtsTokenCount", thoughts},
                          {"cachedContentTokenCount", cached}});
  if (std::ranges::none_of(members, [](const auto& member) { return as_count(member).has_value(); })) {
    return std::nullopt;
  }
  Usage usage;
  usage.cached_input_tokens = as_count(cached);
  usage.reasoning_tokens = as_count(thoughts);
  usage.input_tokens = sum(as_count(prompt).value_or(0), as_count(tool_prompt).value_or(0));
  usage.output_tokens = sum(as_count(candidates).value_or(0), usage.reasoning_tokens.value_or(0));
  usage.total_tokens = as_count(total);
  if (!usage.total_tokens) usage.total_tokens = sum(*usage.input_tokens, *usage.output_tokens);
  return usage;
}

void Sources::report(Source source, StepSink& sink) {
  if (source.url.empty() && source.title.empty() && source.id.empty()) return;
  std::string key = source.url + '\n' + source.id + '\n' + source.title + '\n' + source.quote;
  if (known_.size() < kMaxSources && known_.insert(std::move(key)).second) sink.source(source);
}

void Sources::add_grounding(const EventJson& json, const JsonElement& metadata, StepSink& sink) {
  for (const JsonElement chunk : elements_of(metadata, "groundingChunks")) {
    for (const auto& kind : kChunkKinds) {
      const auto found = get_member(chunk, kind.name);
      if (!found) continue;
      Source source{.type = kind.type,
                    .id = json.text(*found, kind.id),
                    .url = json.text(*found, kind.url),
                    .title = json.text(*found, "title"),
                    .quote = json.text(*found, kind.quote)};
      if (source.id.empty()) source.id = json.text(*found, kind.other_id);
      report(std::move(source), sink);
      break;
    }
  }
}

// AI Studio uses citationSources, Vertex AI citations.
void Sources::add_citations(const EventJson& json, const JsonElement& metadata, StepSink& sink) {
  for (const std::string_view key : {"citationSources", "citations"}) {
    for (const JsonElement citation : elements_of(metadata, key)) {
      report({.url = json.text(citation, "uri"), .title = json.text(citation, "title")}, sink);
    }
  }
}

void Sources::add_url_context(const EventJson& json, const JsonElement& metadata, StepSink& sink) {
  for (const JsonElement url : elements_of(metadata, "urlMetadata")) {
    const bool was_read = get_string_or_empty(url, "urlRetrievalStatus") == "URL_RETRIEVAL_STATUS_SUCCESS";
    if (was_read) report({.url = json.text(url, "retrievedUrl")}, sink);
  }
}

// Returns true if `text` is a list that continues the list `before`. Some servers repeat a list with more items
// instead.
bool continues_list(std::string_view before, std::string_view text) {
  if (!before.starts_with('[') || !text.starts_with('[')) return false;
  const auto items = before.substr(0, before.size() - 1);
  if (!text.starts_with(items)) return true;
  const char next = text[items.size()];
  return next != ',' && next != ']';  // "[1]" is no beginning of "[12]"
}

// Keeps the chunks although they are also reported as sources, because supports refer to them by number.
void Grounding::add(const EventJson& json, const JsonElement& metadata) {
  constexpr std::string_view kChunks = "groundingChunks";
  for (const auto [key, value] : members_of(metadata)) {
    if (value.is_null() || (value.is_array() && elements_of(value).empty())) continue;
    if (key != kChunks) says_more_ = true;
    std::string name = json.plain_text(key), text = json.json_text(value);
    const auto known = members_.find(name);
    const bool appends = known != members_.end() && continues_list(known->second, text);
    const std::size_t before = known == members_.end() || appends ? 0 : name.size() + known->second.size();
    const std::size_t bytes = bytes_ - before + name.size() + text.size();
    if (bytes > kMaxBytes) continue;
    bytes_ = bytes;
    if (appends) {
      known->second.back() = ',';
      known->second.append(text, 1);
    } else {
      members_.insert_or_assign(std::move(name), std::move(text));
    }
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
  const auto steps = elements_of(result, "topCandidates");
  LogprobsWriter out;
  auto step = steps.begin();
  for (const JsonElement token : elements_of(result, "chosenCandidates")) {
    out.token(json.text(token, "token"), logprob_of(token));
    if (!(step != steps.end())) continue;
    for (const JsonElement other : elements_of(*step, "candidates")) {
      out.alternative(json.text(other, "token"), logprob_of(other));
    }
    ++step;
  }
  return out.empty() ? std::string() : std::string(out.finish());
}

}  // namespace aiw::google
