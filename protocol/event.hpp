// Events of a chat and responses to request lines, as plain structs. Views are valid for one call only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/error.hpp"
#include "protocol/json_text.hpp"
#include "protocol/usage.hpp"

namespace aiw {

enum class ContentKind { text, reasoning, tool_input, refusal };

struct StartEvent {
  int step = 0;
  std::string_view provider;
  std::string_view model;
  int attempt = 1;
  JsonSpan metadata;  // empty: not given
};
struct DeltaEvent {
  int step = 0;
  int part = 0;
  ContentKind kind = ContentKind::text;
  std::string_view text;          // valid UTF-8
  std::string_view tool_call_id;  // tool_input only
};
// Part `part` begins, or is now known to be a call of this tool. `by_provider`: the provider runs the call. For
// dialects that show parts separately; in v1 the first delta implies it.
struct PartBeganEvent {
  int step = 0;
  int part = 0;
  ContentKind kind = ContentKind::text;
  std::string_view tool_call_id{}, tool_name{};  // tool_input only; the name is empty while unknown
  bool by_provider = false;
};
// State that the provider wants back, with a part or as a part of its own. v1 sends it in `done`.
struct PartStateEvent {
  int step = 0;
  int part = 0;
  std::string_view state;
};
struct ToolCallEvent {
  int step = 0;
  std::string_view tool_call_id;
  std::string_view tool_name;
  JsonSpan input;  // `null` if input_text is not JSON; parse_error then gives the reason
  std::string_view input_text;
  std::string_view executor;  // "none": the call is not run
  std::string_view parse_error;
  bool needs_approval = false;
  bool early = false;  // the response continues; more calls of the step may follow
};
// The parent's decision on a call that needs approval. v1 does not send it.
struct ToolApprovalEvent {
  std::string_view tool_call_id;
  bool approved = false;
  std::string_view reason;
};
struct ToolResultEvent {
  int step = 0;
  std::string_view tool_call_id;
  std::string_view tool_name;
  JsonSpan output;         // {type, value}
  bool by_parent = false;  // sent by the parent; v1 does not send it back
};
// A source that a response cites.
struct SourceEvent {
  int step = 0;
  std::string_view source_type;                                  // "url" or "document"
  std::string_view id, url, title, media_type, filename, quote;  // empty: not given
};
// A file that the model produced. Exactly one of data (base64) and url is set.
struct FileEvent {
  int step = 0;
  int part = 0;
  std::string_view media_type, data, url, filename;
};
// Log probabilities of a text's tokens: an array of {token, logprob, topLogprobs?: [{token, logprob}]}.
struct LogprobsEvent {
  int step = 0;
  int part = 0;
  JsonSpan tokens;
};
struct ToolCancelEvent {
  std::string_view tool_call_id;
  std::string_view reason;
};
struct UsageEvent {
  int step = 0;
  Usage usage;
  bool discarded = false;  // usage of an attempt whose response was not used; reported in addition to the step's usage
  std::string_view provider{}, model{};  // model that used the tokens; empty if it can only be the chat's own
};
struct RetryEvent {
  int step = 0;
  int attempt = 0;  // number of the next attempt
  std::string_view reason;
  std::int64_t delay_ms = 0;
  std::string_view provider{}, model{};  // set if the next attempt uses a different model
};
struct WarningEvent {
  std::string_view code;
  std::string_view message;
};
struct HeartbeatEvent {};
// Durations in milliseconds since the chat was accepted; absent if the event never happened.
struct Timing {
  std::int64_t queued_ms = 0;
  std::optional<std::int64_t> first_byte_ms;
  std::optional<std::int64_t> first_delta_ms;
  std::int64_t total_ms = 0;
};
// A JSON text in consecutive pieces. A response of several megabytes is written from its current location, without a
// copy.
using JsonPieces = std::vector<std::string_view>;

struct DoneEvent {
  FinishReason finish_reason = FinishReason::stop;
  std::string_view finish_raw;
  JsonPieces messages;  // a JSON array
  Usage usage;
  int steps = 0;
  Timing timing;
  JsonSpan request;                      // dryRun: the provider request that would be sent; empty: none
  std::string_view provider{}, model{};  // model of the last response; empty if it can only be the chat's own
};
struct ErrorEvent {
  const Error& error;
  JsonPieces messages;  // JSON array of the received messages; empty: none received
  std::optional<Usage> usage;
};

using ChatEvent = std::variant<StartEvent, DeltaEvent, ToolCallEvent, ToolResultEvent, ToolCancelEvent, SourceEvent,
                               FileEvent, LogprobsEvent, UsageEvent, RetryEvent, WarningEvent, HeartbeatEvent,
                               DoneEvent, ErrorEvent, PartBeganEvent, PartStateEvent, ToolApprovalEvent>;

// One model of a provider's list. A text that the provider does not give is empty.
struct ModelInfo {
  std::string id;
  std::string name;
  std::optional<std::int64_t> context_tokens;
  std::optional<std::int64_t> max_output_tokens;
};
struct ModelList {
  std::string_view provider_id;
  std::vector<ModelInfo> models;
};

struct Ack {
  bool late = false;
};
struct ReadyInfo {
  std::string_view version;
  std::size_t max_line_bytes = 0;
  std::size_t max_frame_bytes = 0;
  int max_depth = 0;
  int max_in_flight = 0;
  int max_queued = 0;
};
struct HealthInfo {
  bool ready = true;
  std::vector<std::string> providers;
  std::size_t in_flight = 0;
  std::size_t queued = 0;
  std::string_view version;
  std::int64_t uptime_ms = 0;
};

}  // namespace aiw
