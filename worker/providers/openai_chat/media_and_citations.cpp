#include "worker/providers/openai_chat/media_and_citations.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/json_writer.hpp"
#include "worker/base/base64.hpp"
#include "worker/providers/codec/json_members.hpp"
#include "worker/providers/openai_chat/state.hpp"

namespace aiw::openai_chat {
namespace {

std::string plain_member(const EventJson& json, const JsonElement& object, std::string_view key) {
  return json.plain_text(get_string_or_empty(object, key));
}

// The wire does not carry the audio type: only the request did.
std::string_view audio_type(std::string_view bytes) {
  static constexpr auto kMagic = std::to_array<std::pair<std::string_view, std::string_view>>({
      {"RIFF", "audio/wav"},
      {"ID3", "audio/mpeg"},
      {"\xFF\xFB", "audio/mpeg"},
      {"\xFF\xF3", "audio/mpeg"},
      {"OggS", "audio/ogg"},
      {"fLaC", "audio/flac"},
  });
  const auto* found = std::ranges::find_if(kMagic, [&](const auto& magic) { return bytes.starts_with(magic.first); });
  return found == kMagic.end() ? "audio/pcm" : found->second;
}

// Returns the output of the provider's tool: text, or else its results as JSON.
std::string tool_output(const EventJson& json, const JsonElement& tool) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  if (const auto text = get_string(tool, "output"); text && !text->empty()) {
    writer.field("type", "text").field("value", std::string_view(json.plain_text(*text)));
  } else {
    for (const char* key : {"search_results", "browser_results", "code_results"}) {
      const auto results = get_member(tool, key);
      const std::string value = results ? json.json_text(*results) : std::string();
      if (value.empty() || value == "[]" || value == R"({"results":[]})") continue;
      writer.field("type", "json").field("value", JsonSpan{value});
      break;
    }
  }
  writer.end_object();
  return out == "{}" ? std::string() : out;
}

}  // namespace

void CitationList::add_urls(const EventJson& json, const JsonElement& urls) {
  if (urls.is_array()) urls_.clear();
  for_each_element(urls, [&](const JsonElement& url) {
    std::string_view text;
    if (url.get(text) == simdjson::SUCCESS) urls_.push_back({.url = json.plain_text(text)});
  });
}

void CitationList::add_results(const EventJson& json, const JsonElement& results) {
  if (results.is_array()) results_.clear();
  for_each_element(results, [&](const JsonElement& result) {
    Source source{.url = plain_member(json, result, "url"),
                  .title = plain_member(json, result, "title"),
                  .quote = plain_member(json, result, "snippet")};
    if (!source.url.empty()) results_.push_back(std::move(source));
  });
}

void CitationList::report(const Annotations& annotations, StepSink& sink) {
  std::map<std::string_view, const Source*> known;
  for (const Source& result : results_) known.emplace(result.url, &result);
  std::vector<Source>& sources = urls_.empty() ? results_ : urls_;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    Source source = sources[i];
    if (const auto found = known.find(source.url); found != known.end()) source = *found->second;
    source.id = std::to_string(i + 1);
    if (!annotations.has_url(source.url)) sink.source(source);
  }
}

void Annotations::add(const EventJson& json, const JsonElement& annotations, StepSink& sink) {
  for_each_element(annotations, [&](const JsonElement& annotation) {
    if (const auto cited = get_member(annotation, "url_citation")) {
      const Source source{.url = plain_member(json, *cited, "url"),
                          .title = plain_member(json, *cited, "title"),
                          .quote = plain_member(json, *cited, "content")};
      if (source.url.empty()) return;
      urls_.insert(source.url);
      sink.source(source);
    } else if (const auto file = get_member(annotation, "file")) {
      const std::string name = plain_member(json, *file, "name"), hash = plain_member(json, *file, "hash");
      const std::string text = json.json_text(annotation);
      if (!files_.insert(hash + "/" + name).second) return;
      if (file_annotations_.size() + text.size() <= kMaxFileBytes) {
        if (!file_annotations_.empty()) file_annotations_ += ',';
        file_annotations_ += text;
      }
      sink.source({.type = Source::Type::document, .id = hash, .title = name, .filename = name});
    }
  });
}

void Annotations::report_state(int text_part, int& next_part, StepSink& sink) {
  if (file_annotations_.empty()) return;
  const int part = text_part >= 0 ? text_part : next_part++;
  sink.provider_state(part, make_state("annotations", "[" + file_annotations_ + "]"));
}

void report_image(const EventJson& json, const JsonElement& image, int& next_part, StepSink& sink) {
  const auto object = get_member(image, "image_url");
  if (!object) return;
  std::string_view url;
  if (object->get(url) != simdjson::SUCCESS) url = get_string_or_empty(*object, "url");
  if (url.empty()) return;
  GeneratedFile file;
  constexpr std::string_view kBase64 = ";base64,";
  const std::size_t comma = url.starts_with("data:") ? url.find(kBase64) : std::string_view::npos;
  if (comma == std::string_view::npos) {
    file.url = json.plain_text(url);
  } else {
    file.media_type = json.plain_text(url.substr(5, comma - 5));
    file.data = json.plain_text(url.substr(comma + kBase64.size()));
  }
  if (file.media_type.empty()) file.media_type = "image/png";
  sink.file(next_part++, std::move(file));
}

bool SpokenAnswer::add(std::string_view base64) {
  if (!base64_decode(base64, piece_)) return true;  // a part of the audio is lost, but not the text
  if (bytes_.size() + piece_.size() > kMaxBytes) return false;
  bytes_ += piece_;
  return true;
}

void SpokenAnswer::report(int& next_part, StepSink& sink) {
  if (bytes_.empty()) return;
  const std::string bytes = std::exchange(bytes_, {});
  sink.file(next_part++, {.media_type = std::string(audio_type(bytes)), .data = base64_encode(bytes)});
}

void ExecutedTools::add(const EventJson& json, const JsonElement& tools, int& next_part, StepSink& sink) {
  for_each_element(tools, [&](const JsonElement& tool) { add_one(json, tool, next_part, sink); });
}

void ExecutedTools::add_one(const EventJson& json, const JsonElement& tool, int& next_part, StepSink& sink) {
  const auto given = get_count(tool, "index");
  const std::int64_t index = given ? *given : static_cast<std::int64_t>(tools_.size());
  if (tools_.size() == kMaxTools && !tools_.contains(index)) return;
  const auto [entry, is_new] = tools_.try_emplace(index);
  Tool& known = entry->second;
  const std::string id = "executed_" + std::to_string(index);
  if (is_new) {
    known.name = plain_member(json, tool, "name");
    if (known.name.empty()) known.name = plain_member(json, tool, "type");
    std::string arguments = plain_member(json, tool, "arguments");
    if (arguments.empty()) arguments = "{}";
    const int part = next_part++;
    sink.delta(part, ContentKind::tool_input, arguments, id);
    sink.tool_call(part, {id, known.name, arguments, true});
  }
  if (known.has_output) return;
  const std::string output = tool_output(json, tool);
  if (output.empty()) return;
  known.has_output = true;
  sink.tool_result({id, known.name, output});
}

}  // namespace aiw::openai_chat
