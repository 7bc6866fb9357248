// Decodes one response of the Responses API: events or one body. Both have the same items.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "worker/providers/codec/json_event_decoder.hpp"

namespace aiw::openai_responses {

struct ItemKind;

// Turns events (or a whole body) into the sink's events. Items are identified by output_index, because some gateways
// change an item's id in every event. Text that the deltas left out is reported at the end of a part, an item or the
// response, whichever has it. A text that contradicts its deltas is an error. The final input of a call replaces its
// deltas.
class Decoder final : public JsonEventDecoder {
 public:
  static constexpr std::size_t kMaxItems = 10'000;
  static constexpr std::size_t kMaxItemId = 256;  // bytes; a longer id is ignored
  // Limit on the members that the contents of a message share and each state repeats. Beyond it states omit them.
  static constexpr std::size_t kMaxRepeated = std::size_t{256} << 10;
  // OpenAI's models sometimes call this internal wrapper instead of the functions themselves.
  static constexpr std::string_view kParallelTools = "multi_tool_use.parallel";

  // `type` is the event's name, which the data repeats.
  void add_event(const EventJson& json, const JsonElement& root, std::string_view type, StepSink& sink) override;
  // [DONE] does not complete a response of this API: an earlier event must do that.
  void end_of_stream(StepSink& sink) override { fail_truncated(sink); }
  void add_body(const EventJson& json, const JsonElement& root, StepSink& sink) override;

 protected:
  void flush(StepSink& sink) override;

 private:
  enum class Slot { text, refusal, summary, reasoning, input };
  // A run of text: one content part, one summary of a reasoning item, or a call's input.
  // Streamed text, and where it begins and ends without its outer white space.
  struct StreamedText {
    std::string all{};
    std::size_t begin = 0, end = 0;

    void append(std::string_view more);
    [[nodiscard]] std::string_view trimmed() const { return std::string_view(all).substr(begin, end - begin); }
  };
  struct Content {
    int part = -1;  // -1: no number yet
    StreamedText text{};
    TextJoiner joiner{};
    std::size_t sources = 0;  // annotations reported so far
    bool has_logprobs = false;
    std::int64_t ended_as = -1;  // index in the item's own list; -1: not ended
  };
  // Origin of a content's index. Amazon Bedrock's events number contents from 1, its items list them from 0.
  enum class Numbering { of_stream, of_item };
  struct Item {
    bool done = false;
    bool is_custom = false;  // the input is plain text, reported as a JSON string
    std::string call_id{}, name{};
    std::map<std::pair<std::int64_t, Slot>, Content> contents{};
  };
  // The relevant members of one event, read in one pass.
  struct Event {
    std::string_view type{};
    std::int64_t output_index = -1;  // -1: missing
    std::int64_t index = 0;          // content_index or summary_index
    std::optional<JsonElement> delta{}, whole{}, item{}, part{}, response{}, annotation{}, error{}, logprobs{};
  };

  static Event read_event(const JsonElement& root);
  static std::optional<Slot> slot_of(std::string_view event_type, std::string_view ending);
  void on_event(const Event& event, const JsonElement& root, StepSink& sink);
  void add_delta(const Event& event, Slot slot, StepSink& sink);
  void add_annotation(const Event& event, StepSink& sink);
  void complete_part(const Event& event, StepSink& sink);
  void complete_streamed(const Event& event, Slot slot, std::string_view whole, StepSink& sink);
  void end_reported(std::string_view event_status, const JsonElement& response, StepSink& sink);
  void end_answer(std::string_view status, const JsonElement& response, StepSink& sink);
  void fail_answer(const JsonElement& response, StepSink& sink);
  void add_missing_items(const JsonElement& response, StepSink& sink);

  Item* item_at(std::int64_t output_index, StepSink& sink);
  Item* open_item_at(std::int64_t output_index, StepSink& sink);  // nullptr: the item has ended, or there are too many
  void begin_item(std::int64_t output_index, const JsonElement& element, StepSink& sink);
  void end_item(std::int64_t output_index, const JsonElement& element, StepSink& sink);
  // Closes an item without its own end. `completed` means that the response was completed, so a call may be run.
  void close_item(Item& item, bool completed, StepSink& sink);
  void end_message(Item& item, const JsonElement& element, StepSink& sink);
  void end_message_part(Item& item, std::int64_t index, const JsonElement& content, std::string_view common,
                        StepSink& sink);
  void end_reasoning(Item& item, const JsonElement& element, StepSink& sink);
  void end_text_call(Item& item, const JsonElement& element, bool by_provider, StepSink& sink);
  void end_input(Item& item, std::string_view whole, bool by_provider, std::string state, StepSink& sink);
  bool end_parallel_calls(Item& item, std::string_view input, StepSink& sink);
  void end_other(std::string_view type, const JsonElement& element, StepSink& sink);
  void end_image(const JsonElement& element, StepSink& sink);
  void report_result(const std::string& call_id, const ItemKind& kind, const JsonElement& element, StepSink& sink);
  void report_call(int part, ToolCall call, StepSink& sink);

  void read_call_names(Item& item, const JsonElement& element) const;
  static const std::string& call_id_of(Item& item, int part);
  // Returns the content that ends as `whole`: the one with the index, or its neighbour if only that was streamed.
  static Content& content_of(Item& item, std::int64_t index, Slot slot, std::string_view whole, Numbering numbering);
  void show(Item& item, Slot slot, Content& content, std::string_view text, StepSink& sink);
  // Ends a content: reports the part of `whole` that no delta had. An empty `whole` is unknown. May fail the response.
  void complete(Item& item, Slot slot, Content& content, std::string_view whole, StepSink& sink);
  void report_logprobs(Content& content, const JsonElement& tokens, StepSink& sink);
  void report_sources(Content& content, const JsonElement& annotations, StepSink& sink);
  void report_source(const JsonElement& annotation, StepSink& sink);

  const EventJson* json_ = nullptr;            // parser of the current event
  EventJson input_json_;                       // parses the input of calls
  std::map<std::int64_t, Item> items_;         // by output_index
  std::map<std::string, std::int64_t> begun_;  // output_index by id
  std::pair<std::int64_t, Item*> latest_{-1, nullptr};
  std::map<std::string, std::string> provider_calls_;  // name by id
  std::string latest_provider_call_;
  std::size_t done_items_ = 0;
  std::size_t repeated_ = 0;  // bytes of repeated members
  int next_part_ = 0;
  bool has_client_call_ = false;
  bool has_refusal_ = false;
  bool has_incomplete_message_ = false;
};

}  // namespace aiw::openai_responses
