// Content blocks of one Converse response, from start to end.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "worker/base/base64.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/step.hpp"

namespace aiw::bedrock {

// Handles streams and whole responses. A block gets a part number with its first visible content. Elements passed in
// must come from the parser given last. They are not kept.
class Blocks {
 public:
  void use_parser(const EventJson& json) { json_ = &json; }

  // `index` is the stream's number of the block. If a block with it is still open, that block ends first.
  void start(std::int64_t index, const JsonElement& start, StepSink& sink);
  // Text and reasoning come without a start.
  void add_delta(std::int64_t index, const JsonElement& delta, StepSink& sink);
  void stop(std::int64_t index, StepSink& sink);
  void stop_all(StepSink& sink);
  [[nodiscard]] bool empty() const { return parts_ == 0 && open_.empty(); }
  // True if calls for the client were reported.
  [[nodiscard]] bool has_calls() const { return has_calls_; }
  // False while a call is open: its input may be cut short.
  [[nodiscard]] bool all_calls_ended() const;
  // Adds a block of a whole response.
  void add_whole(const JsonElement& block, StepSink& sink);

 private:
  enum class Kind { none, text, reasoning, tool_use, tool_result, image };
  struct Block {
    Kind kind = Kind::none;
    int part = -1;  // -1: no number yet
    TextJoiner joiner{};
    std::string id, name, input, type;  // of a tool's call or result; type: empty, or the owner of the tool
    std::string status, items;          // of a result: its content blocks as JSON, separated by commas
    std::string signature;              // of reasoning
    std::string format, url;            // of an image
    Base64Joiner blob{};                // of an image, or of redacted reasoning
  };

  Block& block_of(std::int64_t index, Kind kind, StepSink& sink);
  void read_tool(Block& block, const JsonElement& tool) const;
  void add_reasoning(std::int64_t index, const JsonElement& reasoning, StepSink& sink);
  void add_items(Block& block, const JsonElement& items) const;
  void add_image(Block& block, const JsonElement& image) const;
  void add_citations(const JsonElement& content, StepSink& sink);
  void add_source(const JsonElement& citation, StepSink& sink) const;
  void show(Block& block, std::string_view text, StepSink& sink);
  void send(Block& block, std::string_view text, StepSink& sink);
  void finish(Block& block, StepSink& sink);
  void finish_reasoning(Block& block, StepSink& sink);
  void finish_tool_use(Block& block, StepSink& sink);
  void finish_tool_result(Block& block, StepSink& sink);
  void finish_image(Block& block, StepSink& sink);
  std::string output_of(const std::string& items, bool failed);
  int part_of(Block& block);

  const EventJson* json_ = nullptr;                    // parser of the current event
  EventJson own_json_;                                 // parses JSON assembled from pieces
  std::map<std::int64_t, Block> open_;                 // by the stream's number
  std::map<std::string, std::string> provider_calls_;  // names of the provider's calls, by id
  int parts_ = 0;
  bool has_calls_ = false;
};

}  // namespace aiw::bedrock
