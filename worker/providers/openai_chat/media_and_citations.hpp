// Content beside the text in a Chat Completions response: sources, generated images and audio, and tools that the
// provider ran.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/step.hpp"

namespace aiw::openai_chat {

// The `annotations` of a message: url_citation of OpenAI and OpenRouter, and files that OpenRouter read.
class Annotations {
 public:
  static constexpr std::size_t kMaxFileBytes = std::size_t{8} << 20;  // limit on the contents of the files

  // Reports the sources.
  void add(const EventJson& json, const JsonElement& annotations, StepSink& sink);
  // OpenRouter reads a file only once if its contents are sent back. Reports them as state of the text, or of a part of
  // its own.
  void report_state(int text_part, int& next_part, StepSink& sink);
  [[nodiscard]] bool has_url(const std::string& url) const { return urls_.contains(url); }

 private:
  std::set<std::string, std::less<>> urls_;
  std::set<std::string, std::less<>> files_;
  std::string file_annotations_;  // items of a JSON array
};

// Perplexity's citations, which the text names by number ("[2]"). Every chunk repeats them. They are reported once, at
// the end, except those that annotations reported.
class CitationList {
 public:
  void add_urls(const EventJson& json, const JsonElement& urls);        // `citations`: an array of URLs
  void add_results(const EventJson& json, const JsonElement& results);  // `search_results`: {url, title, snippet} each
  void report(const Annotations& annotations, StepSink& sink);

 private:
  std::vector<Source> urls_, results_;
};

// Reports OpenRouter's `images` and `image_url` parts of content, each as a new part.
void report_image(const EventJson& json, const JsonElement& image, int& next_part, StepSink& sink);

// OpenAI's spoken response, whose data comes in pieces of base64. Its transcript comes as text.
class SpokenAnswer {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{64} << 20;

  // False: the audio is too large.
  [[nodiscard]] bool add(std::string_view base64);
  void report(int& next_part, StepSink& sink);
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

 private:
  std::string bytes_, piece_;
};

// Groq's `executed_tools`: a call is reported first alone, and again with its output.
class ExecutedTools {
 public:
  static constexpr std::size_t kMaxTools = 4096;

  void add(const EventJson& json, const JsonElement& tools, int& next_part, StepSink& sink);

 private:
  struct Tool {
    std::string name;
    bool has_output = false;
  };

  void add_one(const EventJson& json, const JsonElement& tool, int& next_part, StepSink& sink);

  std::map<std::int64_t, Tool> tools_;  // by index
};

}  // namespace aiw::openai_chat
