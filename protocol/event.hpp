// What the worker says: the events of a chat and the answers to lines, as plain structs. Views live for one call.
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
  JsonSpan metadata;  // empty: none
};
struct DeltaEvent {
  int step = 0;
  int part = 0;
  ContentKind kind = ContentKind::text;
  std::string_view text;          // valid UTF-8
  std::string_view tool_call_id;  // tool_input only
};
// Part `part` begins, or is known to be a call of this tool; by_provider: one that the provider carries out. For the
// words that show parts as such: v1's say it with the first delta.
struct PartBeganEvent {
  int step = 0;
  int part = 0;
  ContentKind kind = ContentKind::text;
  std::string_view tool_call_id{}, tool_name{};  // tool_input only; a name that is not known yet is empty
  bool by_provider = false;
};
// What the provider wants back with a part, or as a part of its own. v1 says it in `done`.
struct PartStateEvent {
  int step = 0;
  int part = 0;
  std::string_view state;
};
struct ToolCallEvent {
  int step = 0;
  std::string_view tool_call_id;
  std::string_view tool_name;
  JsonSpan input;  // `null` where input_text is no JSON; then parse_error says why
  std::string_view input_text;
  std::string_view executor;  // "none": nobody carries it out
  std::string_view parse_error;
  bool needs_approval = false;
  bool early = false;  // the answer goes on: more of the step may follow
};
// The parent's word on a call that needs approval; it is not told in v1.
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
  bool by_parent = false;  // the parent gave it; v1 does not say it again
};
// What an answer rests on.
struct SourceEvent {
  int step = 0;
  std::string_view source_type;                                  // "url" or "document"
  std::string_view id, url, title, media_type, filename, quote;  // empty: not given
};
// A file that the model made. Exactly one of data (base64) and url is set.
struct FileEvent {
  int step = 0;
  int part = 0;
  std::string_view media_type, data, url, filename;
};
// How likely the tokens of a text were: an array of {token, logprob, topLogprobs?: [{token, logprob}]}.
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
  bool discarded = false;                // of a try whose answer is not the step's; beside the step's own
  std::string_view provider{}, model{};  // whose it is; empty where only the chat's own can be
};
struct RetryEvent {
  int step = 0;
  int attempt = 0;  // the one that comes
  std::string_view reason;
  std::int64_t delay_ms = 0;
  std::string_view provider{}, model{};  // if another one is asked than before
};
struct WarningEvent {
  std::string_view code;
  std::string_view message;
};
struct HeartbeatEvent {};
// What was waited for, in milliseconds since the chat was accepted; absent if it never came.
struct Timing {
  std::int64_t queued_ms = 0;
  std::optional<std::int64_t> first_byte_ms;
  std::optional<std::int64_t> first_delta_ms;
  std::int64_t total_ms = 0;
};
// A JSON text in consecutive pieces: an answer of megabytes is written from where it lies.
using JsonPieces = std::vector<std::string_view>;

struct DoneEvent {
  FinishReason finish_reason = FinishReason::stop;
  std::string_view finish_raw;
  JsonPieces messages;  // an array
  Usage usage;
  int steps = 0;
  Timing timing;
  JsonSpan request;                      // dryRun: the upstream request that would be sent; empty: none
  std::string_view provider{}, model{};  // who answered last; empty where only the chat's own can have
};
struct ErrorEvent {
  const Error& error;
  JsonPieces messages;  // an array of what arrived; empty: nothing did
  std::optional<Usage> usage;
};

using ChatEvent = std::variant<StartEvent, DeltaEvent, ToolCallEvent, ToolResultEvent, ToolCancelEvent, SourceEvent,
                               FileEvent, LogprobsEvent, UsageEvent, RetryEvent, WarningEvent, HeartbeatEvent,
                               DoneEvent, ErrorEvent, PartBeganEvent, PartStateEvent, ToolApprovalEvent>;

// One model of a provider's list; text that the provider does not give is empty.
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
