#include "worker/providers/openai_chat/media_and_citations.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "worker/base/base64.hpp"
#include "worker/providers/codec/tool_output.hpp"
#include "worker/providers/openai_chat/state.hpp"

namespace aiw::openai_chat {
namespace {

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
  if (const std::string text = json.text(tool, "output"); !text.empty()) {
    return tool_output_json("text", false, json_string(text));
  }
  for (const char* key : {"search_results", "browser_results", "code_results"}) {
    const auto results = get_member(tool, key);
    const std::string value = results ? json.json_text(*results) : std::string();
    const bool is_empty = value.empty() || value == "[]" || value == R"({"results":[]})";
    if (!is_empty) return tool_output_json("json", false, value);
  }
  return {};
}

}  // namespace

void CitationList::add_urls(const EventJson& json, const JsonElement& urls) {
  if (urls.is_array()) urls_.clear();
  for (const JsonElement url : elements_of(urls)) {
    if (url.is_string()) urls_.push_back({.url = json.plain_text(as_string(url))});
  }
}

void CitationList::add_results(const EventJson& json, const JsonElement& results) {
  if (results.is_array()) results_.clear();
  for (const JsonElement result : elements_of(results)) {
    Source source{
        .url = json.text(result, "url"), .title = json.text(result, "title"), .quote = json.text(result, "snippet")};
    if (!source.url.empty()) results_.push_back(std::move(source));
  }
}

void CitationList::report(const Annotations& annotations, StepSink& sink) {
  std::map<std::string, Source> known;  // each is used once, so that a repeated address does not repeat its quote
  if (!urls_.empty()) {
    for (const Source& result : results_) known.emplace(result.url, result);
  }
  std::vector<Source>& sources = urls_.empty() ? results_ : urls_;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    Source source = sources[i];
    if (auto found = known.extract(source.url)) source = std::move(found.mapped());
    source.id = std::to_string(i + 1);
    if (!annotations.has_url(source.url)) sink.source(source);
  }
}

void Annotations::add(const EventJson& json, const JsonElement& annotations, StepSink& sink) {
  for (const JsonElement annotation : elements_of(annotations)) {
    if (const auto cited = get_member(annotation, "url_citation")) {
      const Source source{
          .url = json.text(*cited, "url"), .title = json.text(*cited, "title"), .quote = json.text(*cited, "content")};
      if (source.url.empty()) continue;
      urls_.insert(source.url);
      sink.source(source);
    } else if (const auto file = get_member(annotation, "file")) {
      const std::string name = json.text(*file, "name"), hash = json.text(*file, "hash");
      const std::string text = json.json_text(annotation);
      if (!files_.insert(hash + "/" + name).second) continue;
      if (file_annotations_.size() + text.size() <= kMaxFileBytes) {
        if (!file_annotations_.empty()) file_annotations_ += ',';
        file_annotations_ += text;
      }
      sink.source({.type = Source::Type::document, .id = hash, .title = name, .filename = name});
    }
  }
}

void Annotations::report_state(int text_part, int& next_part, StepSink& sink) {
  if (file_annotations_.empty()) return;
  const int part = text_part >= 0 ? text_part : next_part++;
  sink.provider_state(part, make_state("annotations", "[" + file_annotations_ + "]"));
}

void report_image(const EventJson& json, const JsonElement& image, int& next_part, StepSink& sink) {
  const auto object = get_member(image, "image_url");
  if (!object) return;
  const auto url = object->is_string() ? as_string(*object) : get_string_or_empty(*object, "url");
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
  for (const JsonElement tool : elements_of(tools)) add_one(json, tool, next_part, sink);
}

void ExecutedTools::add_one(const EventJson& json, const JsonElement& tool, int& next_part, StepSink& sink) {
  const auto given = get_count(tool, "index");
  const std::int64_t index = given ? *given : static_cast<std::int64_t>(tools_.size());
  if (tools_.size() == kMaxTools && !tools_.contains(index)) return;
  const auto [entry, is_new] = tools_.try_emplace(index);
  Tool& known = entry->second;
  const std::string id = "executed_" + std::to_string(index);
  if (is_new) {
    known.name = read_tool_name(json, tool);
    if (known.name.empty()) known.name = read_tool_name(json, tool, "type");
    std::string arguments = json.text(tool, "arguments");
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
