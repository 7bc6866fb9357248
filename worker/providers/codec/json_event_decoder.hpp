// An answer that comes as JSON texts, and the decoders that cut a body into them: one text, server-sent events, lines.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "worker/base/sse_parser.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/codec/usage_tally.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// A content part while its deltas come. It takes its number with the first text that is not empty.
struct TextChannel {
  ContentKind kind = ContentKind::text;
  int part = -1;
  TextJoiner joiner{};

  void add(std::string_view text, bool repaired, int& next_part, StepSink& sink);
  // A string, or an object as its JSON text: some servers parse structured output. Nothing else is added.
  void add_value(const EventJson& json, const JsonElement& value, int& next_part, StepSink& sink);
  // No more text comes.
  void flush(int& next_part, StepSink& sink);
};

// Arguments of a call as they are handed on: of none, or of a written null, the empty object.
std::string complete_arguments(std::string arguments);
// What a wire API makes of the texts. Each call may end the answer; after that nothing more is called.
class JsonEventDecoder {
 public:
  virtual ~JsonEventDecoder() = default;

  // One event of a stream, an object. `type`: the event's name; empty: none. An event named "error" reports an error.
  virtual void add_event(const EventJson& json, const JsonElement& root, std::string_view type, StepSink& sink) = 0;
  // `data: [DONE]` came. Must end the answer.
  virtual void done(StepSink& sink) { end_of_stream(sink); }
  // The stream ended without it. Must end the answer.
  virtual void end_of_stream(StepSink& sink) = 0;
  // The one text of a unary answer, an object. Must end the answer.
  virtual void add_body(const EventJson& json, const JsonElement& root, StepSink& sink) {
    add_event(json, root, {}, sink);
    if (!ended()) end_of_stream(sink);
  }

  void fail(Error error, StepSink& sink);
  [[nodiscard]] bool ended() const { return ended_; }

 protected:
  // What joiners still hold.
  virtual void flush(StepSink& sink) = 0;
  void fail_truncated(StepSink& sink);

  bool ended_ = false;
};

// True if the first bytes of a stream are those of one body instead: some servers answer a streaming request with JSON,
// and proxies with a page. Neither begins as a stream can. Nothing: only white space came.
std::optional<bool> begins_body(std::string_view bytes);
// True if an event is an error by its form: by its name, or unframed JSON that has a message and none of an API's
// members.
bool is_error_event(const SseEvent& event, const JsonElement& root);
// True if what should be one body begins as server-sent events do. Nothing: more of it must come.
std::optional<bool> begins_events(std::string_view beginning);
// `body` without a byte order mark, or without the end of one whose beginning came apart from it.
std::string_view without_byte_order_mark(std::string_view body);
// The object that a body holds; a proxy may wrap it in an array. A page or anything else is an error.
std::expected<JsonElement, Error> parse_body(EventJson& json, std::string_view body);

// Decoders of an answer whose stream is server-sent events, each one JSON text; a stream may turn out to be one body.
std::unique_ptr<ResponseDecoder> make_sse_decoder(std::unique_ptr<JsonEventDecoder> answer, BodyFormat format);
// Decoder of an answer whose stream is newline-delimited JSON. Lines and a single body are told apart by what comes:
// servers and proxies call either one application/json.
std::unique_ptr<ResponseDecoder> make_ndjson_decoder(std::unique_ptr<JsonEventDecoder> answer, BodyFormat format);

}  // namespace aiw
