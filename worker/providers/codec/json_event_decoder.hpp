// Interface for responses that consist of JSON texts, and the decoders that split a body into them: one text,
// server-sent events or lines.
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

// A content part that receives deltas. It takes its part number with the first text that is not empty.
struct TextChannel {
  ContentKind kind = ContentKind::text;
  int part = -1;
  TextJoiner joiner{};

  void add(std::string_view text, bool repaired, int& next_part, StepSink& sink);
  // Adds a string, or an object as its JSON text, because some servers parse structured output. Ignores other values.
  void add_value(const EventJson& json, const JsonElement& value, int& next_part, StepSink& sink);
  // Call when no more text follows.
  void flush(int& next_part, StepSink& sink);
};

// Returns the arguments of a call as reported: empty arguments and a literal null become the empty object.
std::string complete_arguments(std::string arguments);

// A wire API's handler of the JSON texts. Each call may end the response; after that nothing more is called.
class JsonEventDecoder {
 public:
  virtual ~JsonEventDecoder() = default;

  // Handles one event of a stream, an object. `type` is the event's name, or empty. An event named "error" reports an
  // error.
  virtual void add_event(const EventJson& json, const JsonElement& root, std::string_view type, StepSink& sink) = 0;
  // Handles `data: [DONE]`.
  virtual void done(StepSink& sink) { end_of_stream(sink); }
  // Handles the end of a stream without [DONE]. Must end the response.
  virtual void end_of_stream(StepSink& sink) = 0;
  // Handles the only text of a unary response, an object. Must end the response.
  virtual void add_body(const EventJson& json, const JsonElement& root, StepSink& sink) {
    add_event(json, root, {}, sink);
    if (!ended()) end_of_stream(sink);
  }

  void fail(Error error, StepSink& sink);
  // Ends the response as one that breaks its API's rules.
  void fail(std::string_view code, std::string_view message, bool retryable, StepSink& sink);
  void fail_too_large(StepSink& sink);
  virtual void fail_large_body(StepSink& sink) { fail_too_large(sink); }
  void fail_truncated(StepSink& sink);
  [[nodiscard]] bool ended() const { return ended_; }

 protected:
  // Emits the text that joiners still hold.
  virtual void flush(StepSink& sink) = 0;
  // Ends the response with the provider's finish reason `raw`; if that is empty, with a warning.
  void report_finish(FinishReason reason, std::string_view raw, StepSink& sink);

  bool ended_ = false;
};

// White space and the bytes of a byte order mark, which may come in pieces. No stream or body begins with one of them.
inline constexpr std::string_view kBeforeText = " \t\r\n\xEF\xBB\xBF";
// True if the first bytes of a stream belong to a single body. Some servers respond to a streaming request with JSON,
// and proxies with a page; no stream begins like either. Nothing: only white space so far.
std::optional<bool> begins_body(std::string_view bytes);
// True if the form of an event shows an error: its name, or unframed JSON with a message and no member of an API.
bool is_error_event(const SseEvent& event, const JsonElement& root);
// True if the start of a single body is server-sent events. Nothing: more bytes are needed.
std::optional<bool> begins_events(std::string_view beginning);
// Returns `body` without a byte order mark, or without the rest of one that was split.
std::string_view without_byte_order_mark(std::string_view body);
// Returns the object in a body; a proxy may wrap it in an array. A page or anything else is an error.
std::expected<JsonElement, Error> parse_body(EventJson& json, std::string_view body);

// Returns a provider's finish reason as reported; empty if there is none.
std::string read_finish_reason(const EventJson& json, std::string_view raw);

// Makes a decoder for a response that streams server-sent events, each one JSON text. The stream may turn out to be one
// body.
std::unique_ptr<ResponseDecoder> make_sse_decoder(std::unique_ptr<JsonEventDecoder> answer, BodyFormat format);
// The same for a new decoder of that type.
template <typename Decoder>
std::unique_ptr<ResponseDecoder> make_sse_decoder(BodyFormat format) {
  return make_sse_decoder(std::make_unique<Decoder>(), format);
}
// Makes a decoder for a response that streams newline-delimited JSON. It detects lines or a single body by content,
// because servers and proxies send either as application/json.
std::unique_ptr<ResponseDecoder> make_ndjson_decoder(std::unique_ptr<JsonEventDecoder> answer, BodyFormat format);

}  // namespace aiw
