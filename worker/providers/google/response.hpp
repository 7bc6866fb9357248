// Converts one Gemini response, streamed or not: GenerateContentResponse objects in, the events of a step out.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "worker/providers/codec/json_event_decoder.hpp"
#include "worker/providers/google/metadata.hpp"
#include "worker/providers/google/partial_args.hpp"

namespace aiw::google {

// A call whose arguments come in pieces. Not nested, because clang treats a nested type with default initialisers as
// incomplete inside std::optional.
struct StreamedCall {
  int part = 0;
  std::string id, name, signature;
  std::string input{};
  std::size_t sent = 0;  // bytes of `input` that were sent as deltas
  PartialArgs args{};
};

// The API has no terminator: a response is complete once it has a finish reason.
class Response final : public JsonEventDecoder {
 public:
  static constexpr int kMaxParts = 50'000;

  explicit Response(BodyFormat asked) : asked_(asked) {}

  void add_event(const EventJson& json, const JsonElement& root, std::string_view type, StepSink& sink) override;
  void add_body(const EventJson& json, const JsonElement& root, StepSink& sink) override;
  void done(StepSink&) override {}  // from gateways, which may add the terminator of OpenAI's streams
  void end_of_stream(StepSink& sink) override;

 private:
  void flush(StepSink& sink) override { close_text({}, sink); }

  void add_candidate(const JsonElement& candidate, StepSink& sink);
  void add_part(const JsonElement& part, StepSink& sink);
  void add_text(std::string_view text, bool thought, std::string_view signature, StepSink& sink);
  void add_function_call(const JsonElement& call, std::string_view signature, StepSink& sink);
  void continue_call(const JsonElement& call, StepSink& sink);
  void send_input(StepSink& sink);
  void end_call(bool complete, StepSink& sink);
  void add_file(const JsonElement& file, bool thought, std::string_view signature, StepSink& sink);
  void add_own_call(const JsonElement& part, const JsonElement& call, bool is_code, StepSink& sink);
  void add_own_result(const JsonElement& part, const JsonElement& result, bool is_code, StepSink& sink);
  void add_feedback(const JsonElement& feedback, StepSink& sink);
  void add_usage(const JsonElement& metadata, StepSink& sink);
  void close_text(std::string_view signature, StepSink& sink);
  int next_part(StepSink& sink);
  std::string call_id(const JsonElement& call);
  [[nodiscard]] FinishReason finish_reason() const;
  [[nodiscard]] std::optional<Error> failure() const;
  void report_grounding(StepSink& sink);
  void finish(StepSink& sink);

  const BodyFormat asked_;
  const EventJson* json_ = nullptr;  // parser of the current object
  int parts_ = 0;
  int open_part_ = -1;  // the text part that the next text continues
  bool open_thought_ = false;
  TextJoiner joiner_{};
  std::optional<StreamedCall> streamed_;
  bool has_calls_ = false;
  int made_ids_ = 0;
  std::string own_call_id_;          // id of the last call that the provider ran itself
  std::set<std::string> own_calls_;  // ids of all such calls
  Sources sources_{};
  Grounding grounding_{};
  std::pair<int, std::string> last_text_{-1, {}};  // the last text part that is not a thought, and its signature
  std::optional<Usage> usage_;
  bool has_usage_metadata_ = false;
  bool has_content_ = false;
  bool blocked_ = false;
  std::string finish_raw_, finish_message_;
};

}  // namespace aiw::google
