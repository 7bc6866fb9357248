// The content blocks of one response of the Messages API, from start to end.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/step.hpp"

namespace aiw::anthropic_messages {

// Handles streams and whole responses. A block gets a part number with its first visible content. Blocks other than
// text, thinking and client calls are opaque: they are rebuilt whole and reported as state to send back. The result of
// a provider's tool is reported as well; its files are ids in the output. Elements passed in must come from the parser
// given last. They are not kept.
class Blocks {
 public:
  void use_parser(const EventJson& json) { json_ = &json; }

  // `index` is the stream's number of the block. If a block with it is still open, that block ends first.
  void start(std::int64_t index, const JsonElement& block, StepSink& sink);
  void add_delta(std::int64_t index, const JsonElement& delta, StepSink& sink);
  void stop(std::int64_t index, StepSink& sink);
  void stop_all(StepSink& sink);
  [[nodiscard]] bool empty() const { return parts_ == 0 && open_.empty(); }
  // True if a call for the client was reported.
  [[nodiscard]] bool has_calls() const { return has_calls_; }
  // False while a call for the client is open: its input may be cut short.
  [[nodiscard]] bool all_calls_ended() const;
  // True if input came for a call that never began or had ended.
  [[nodiscard]] bool lost_input() const { return lost_input_; }
  // Reports a state that belongs to no block as a part of its own. `members` are those of a JSON object; no report if
  // empty.
  void add_state(std::string_view members, StepSink& sink);

 private:
  enum class Type { text, thinking, tool_use, opaque };
  struct Block {
    Type type = Type::opaque;
    int part = -1;  // -1: no number yet
    TextJoiner joiner;
    std::string id, name, input, caller;  // of a tool_use, or of a call that the provider runs
    std::string signature;
    std::string citations;  // items of a JSON array
    bool signature_streamed = false;
    bool is_provider_call = false;
    bool input_streamed = false;
    // For an opaque block: its initial members (name and JSON value), and later replacements.
    std::vector<std::pair<std::string, std::string>> fields;
    std::map<std::string, std::string> changes;
  };

  void read_call(Block& block, const JsonElement& element) const;
  void add_citation(Block& block, const JsonElement& citation, StepSink& sink);
  void report_result(const JsonElement& element, std::string_view type, StepSink& sink);
  void stop_call(std::string_view id, StepSink& sink);
  Block* find_or_imply(std::int64_t index, std::string_view delta_type);
  void add_input(Block& block, std::string_view text, StepSink& sink);
  void show(Block& block, ContentKind kind, std::string_view text, StepSink& sink);
  void show_joined(Block& block, ContentKind kind, std::string_view text, StepSink& sink);
  void finish(Block& block, StepSink& sink);
  void finish_text(const Block& block, StepSink& sink);
  void finish_thinking(Block& block, StepSink& sink);
  void finish_tool_use(Block& block, StepSink& sink);
  void finish_opaque(Block& block, StepSink& sink);
  int part_of(Block& block);
  static std::string to_object(const Block& block);
  std::string plain(const JsonElement& object, std::string_view key) const;
  std::string json_text(const JsonElement& value) const;

  const EventJson* json_ = nullptr;                                 // parser of the current event
  EventJson input_json_;                                            // validates streamed input
  std::map<std::int64_t, Block> open_;                              // by the stream's number
  std::map<std::string, std::string, std::less<>> provider_calls_;  // tool names by call id
  std::set<std::pair<std::string, std::int64_t>> open_calls_;       // the provider's calls in open_: id and number
  std::set<std::string, std::less<>> answered_;                     // call ids of the results received
  int parts_ = 0;
  bool lost_input_ = false;
  bool has_calls_ = false;
};

}  // namespace aiw::anthropic_messages
