#include "worker/providers/google/metadata.hpp"

#include <algorithm>
#include <utility>

#include "protocol/json_writer.hpp"
#include "worker/providers/codec/ascii_json.hpp"
#include "worker/providers/google/state.hpp"

namespace aiw::google {
namespace {

std::int64_t sum(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  return __builtin_add_overflow(a, b, &result) ? std::max(a, b) : result;
}

std::string text_of(const EventJson& json, const JsonElement& object, std::string_view key) {
  return json.plain_text(get_string_or_empty(object, key));
}

void write_token(const EventJson& json, const JsonElement& candidate, JsonWriter& writer) {
  writer.begin_object().field("token", text_of(json, candidate, "token"));
  double logprob = 0;  // which the API, too, leaves out where it is 0
  if (const auto value = get_member(candidate, "logProbability")) std::ignore = value->get(logprob);
  writer.field("logprob", logprob);
}

}  // namespace

std::optional<Usage> read_usage(const JsonElement& metadata) {
  simdjson::dom::object members;
  if (metadata.get(members) != simdjson::SUCCESS) return std::nullopt;
  std::int64_t prompt = 0, tool_prompt = 0, candidates = 0;
  std::optional<std::int64_t> thoughts, cached, total;
  bool any = false;
  for (const auto [key, value] : members) {
    const auto count = as_count(value);
    if (!count) continue;
    if (key == "promptTokenCount") {
      prompt = *count;
    } else if (key == "candidatesTokenCount") {
      candidates = *count;
    } else if (key == "toolUsePromptTokenCount") {
      tool_prompt = *count;
    } else if (key == "thoughtsTokenCount") {
      thoughts = count;
    } else if (key == "cachedContentTokenCount") {
      cached = count;
    } else if (key == "totalTokenCount") {
      total = count;
    } else {
      continue;
    }
    any = true;
  }
  if (!any) return std::nullopt;
  Usage usage;
  usage.input_tokens = sum(prompt, tool_prompt);
  usage.output_tokens = sum(candidates, thoughts.value_or(0));
  usage.total_tokens = total ? *total : sum(*usage.input_tokens, *usage.output_tokens);
  usage.cached_input_tokens = cached;
  usage.reasoning_tokens = thoughts;
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
    Source source;
    if (const auto web = get_member(chunk, "web")) {
      source.url = text_of(json, *web, "uri");
      source.title = text_of(json, *web, "title");
    } else if (const auto maps = get_member(chunk, "maps")) {
      source.url = text_of(json, *maps, "uri");
      source.title = text_of(json, *maps, "title");
      source.id = text_of(json, *maps, "placeId");
    } else if (const auto image = get_member(chunk, "image")) {
      source.url = text_of(json, *image, "sourceUri");
      source.title = text_of(json, *image, "title");
    } else if (const auto context = get_member(chunk, "retrievedContext")) {
      source.type = Source::Type::document;
      source.url = text_of(json, *context, "uri");
      source.title = text_of(json, *context, "title");
      source.quote = text_of(json, *context, "text");
      source.id = text_of(json, *context, "documentName");
      if (source.id.empty()) source.id = text_of(json, *context, "fileSearchStore");
    }
    report(std::move(source), sink);
  }
}

// AI Studio says citationSources, Vertex AI citations.
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

// The chunks are told as sources; they are kept because supports name them by number.
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

std::string Grounding::write_state(std::string_view signature) const {
  std::string grounding;
  for (const auto& [name, value] : members_) {
    grounding += grounding.empty() ? '{' : ',';
    append_json_string(grounding, name);
    grounding.append(":").append(value);
  }
  std::string state = google::write_state(signature, false);
  state.pop_back();
  if (!state.ends_with('{')) state += ',';
  return state + "\"groundingMetadata\":" + to_ascii_json(grounding + "}") + "}";
}

std::string read_logprobs(const EventJson& json, const JsonElement& result) {
  const auto chosen = get_array(result, "chosenCandidates");
  if (!chosen || chosen->size() == 0) return {};
  const auto steps = get_array(result, "topCandidates");
  std::string out;
  JsonWriter writer(out);
  writer.begin_array();
  auto step = steps ? steps->begin() : simdjson::dom::array::iterator();
  for (const JsonElement token : *chosen) {
    write_token(json, token, writer);
    if (steps && step != steps->end()) {
      if (const auto candidates = get_array(*step, "candidates")) {
        writer.key("topLogprobs").begin_array();
        for (const JsonElement candidate : *candidates) {
          write_token(json, candidate, writer);
          writer.end_object();
        }
        writer.end_array();
      }
      ++step;
    }
    writer.end_object();
  }
  writer.end_array();
  return out;
}

}  // namespace aiw::google
