// What stands beside the text in a Chat Completions answer: sources, generated images and audio, and tools that the
// provider ran.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "worker/providers/event_json.hpp"
#include "worker/providers/step.hpp"

namespace aiw {

// Perplexity's citations, which the text names by number ("[2]"). Every chunk repeats them; they are told once, at the
// end.
class CitationList {
 public:
  void add_urls(const EventJson& json, const JsonElement& urls);        // `citations`: an array of addresses
  void add_results(const EventJson& json, const JsonElement& results);  // `search_results`: of {url, title, snippet}
  void report(StepSink& sink);

 private:
  std::vector<Source> urls_, results_;
};

// A message's `annotations`: OpenAI's and OpenRouter's url_citation, and files that OpenRouter read.
void report_annotations(const EventJson& json, const JsonElement& annotations, StepSink& sink);

// OpenRouter's `images`, and `image_url` parts of content. A new part each.
void report_image(const EventJson& json, const JsonElement& image, int& next_part, StepSink& sink);

// OpenAI's spoken answer, whose data come in pieces of base64. What it says comes as text.
class SpokenAnswer {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{64} << 20;

  // False: it is too large.
  [[nodiscard]] bool add(std::string_view base64);
  void report(int& next_part, StepSink& sink);

 private:
  std::string bytes_, piece_;
};

// Groq's `executed_tools`: a call is told first, and again with its output.
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

}  // namespace aiw
