// Decoded payload of a `chat` line, as plain structs. Small strings are owned and decoded. Conversation strings are
// views of the request line as written; they are sliced and never rebuilt.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/config.hpp"
#include "protocol/json_text.hpp"
#include "protocol/tools.hpp"

namespace aiw {

enum class Role { system, user, assistant, tool };

// Asks the provider to cache the prompt up to this point, for about this time.
enum class CacheMark { none, five_minutes, one_hour };

struct TextPart {
  RawString text;
  RawString provider_state{};
  CacheMark cache = CacheMark::none;
};
struct ReasoningPart {
  RawString text;
  RawString provider_state;
};
enum class MediaKind { image, file, audio };
// Image, file or audio. Exactly one of `data` (base64), `url` and `file_id` is set. A data URL is already split into
// media_type and data.
struct MediaPart {
  MediaKind kind = MediaKind::image;
  RawString media_type{};
  RawString data{};
  RawString url{};
  RawString filename{};
  RawString file_id{};  // provider's id of a file uploaded to it
  RawString provider_state{};
  CacheMark cache = CacheMark::none;
};
struct ToolCallPart {
  RawString tool_call_id;
  RawString tool_name;
  JsonSpan input;        // `{}` if the model's arguments were not valid JSON
  RawString input_text;  // arguments as the model wrote them; empty: not given
  RawString provider_state;
  CacheMark cache = CacheMark::none;
};
struct ToolResultPart;
// A provider's own block, opaque to all other code.
struct ProviderPart {
  RawString provider_state;
};

using Part = std::variant<TextPart, ReasoningPart, MediaPart, ToolCallPart, ToolResultPart, ProviderPart>;

enum class ToolOutputType { text, json, content, error_text, error_json };
struct ToolOutput {
  ToolOutputType type = ToolOutputType::text;
  JsonSpan value;           // text, error_text: a JSON string; json, error_json: any value
  std::vector<Part> parts;  // content only: text, media and provider parts
};
struct ToolResultPart {
  RawString tool_call_id;
  RawString tool_name;
  std::shared_ptr<const ToolOutput> output;  // shared because parts are copied by value and an output may be large
  CacheMark cache = CacheMark::none;
};

struct Message {
  Role role = Role::user;
  std::vector<Part> parts;  // a `content` string becomes one text part
};

// Limit on a tool's name, because every frame and result of a call repeats it. No API takes more than 128 bytes.
constexpr std::size_t kMaxToolNameBytes = 512;

// A tool the model may call. Described either by name, description and schema, or by `definition`: the whole entry in
// the wire API's own format, sent unchanged (for example a provider's web search or bash tool).
struct Tool {
  RawString name;  // empty only for a tool that the provider runs
  RawString description{};
  JsonSpan input_schema{};       // empty: not given
  JsonSpan definition{};         // a JSON object; empty: not given
  std::optional<bool> strict{};  // asks the provider to enforce the schema
  ToolExecutor executor = ToolExecutor::parent;
  CacheMark cache = CacheMark::none;
  Approval approval = Approval::always;
  std::optional<std::int64_t> timeout_ms{};  // absent: use the chat's tool timeout
  std::shared_ptr<const HttpTool> http{};    // set only if executor is http
};

enum class ToolChoiceType { automatic, none, required, tool };
struct ToolChoice {
  ToolChoiceType type = ToolChoiceType::automatic;
  RawString tool_name;  // set only for type `tool`
};

struct Reasoning {
  RawString effort;  // for example "low", "medium", "high"; empty: not given
  std::optional<std::int64_t> budget_tokens;
};

// Timeouts in milliseconds; 0 disables a timeout.
struct Timeouts {
  std::int64_t connect_ms = 10'000;
  std::int64_t first_byte_ms = 300'000;
  std::int64_t idle_ms = 120'000;      // longest time without any byte
  std::int64_t progress_ms = 600'000;  // longest time without an event that carries content
  std::int64_t tool_ms = 300'000;
  std::int64_t total_ms = 3'600'000;
};

struct RetryOptions {
  int max = 2;           // number of retries after the first attempt
  bool restart = false;  // retry even after output was sent; the parent must discard that output
};

// Another model, tried after the previous one has failed.
struct Fallback {
  std::string model{};               // an alias or "provider/model"
  std::vector<std::string> codes{};  // error codes and categories that trigger this fallback; empty: all
};

// A second attempt that runs beside the first one if the first brings no output within `after_ms`.
struct HedgeOptions {
  std::int64_t after_ms = 0;  // delay in milliseconds; 0: no second attempt
  std::string model{};        // an alias or "provider/model"; empty: the same model
};

struct StreamOptions {
  std::int64_t delta_interval_ms = 0;  // time for which deltas of one part are merged
  std::int64_t max_delta_chars = 0;    // a merged delta is sent when it reaches this length; 0: no limit
  bool upstream = true;                // false: request a unary (non-streamed) response from the provider
  bool ui = false;                     // send AI SDK UI message chunks instead of v1 events
};

// One accepted chat. Views point into `line`, which the request keeps alive.
struct ChatRequest {
  std::string id;
  std::shared_ptr<const std::string> line;

  std::optional<Config> config;  // absent: use the config of the last reload_config
  std::string provider_id;
  std::string model_id;
  std::string model;  // an alias or "provider/model"
  std::string caller_key_id;
  std::string base_url;  // parent's own HTTP API, for LeanSpec tools and sessions; never receives a key
  std::string session_id;
  std::string project_id;
  std::string user_id;

  RawString system;
  std::vector<Message> messages;
  std::vector<Tool> tools;
  std::vector<McpServer> mcp_servers;
  bool mcp_only = false;  // true: offer only the tools of the MCP servers
  std::optional<ToolChoice> tool_choice;
  bool tool_choice_every_step = false;  // false: a choice that forces a call applies to the first step only
  std::optional<bool> parallel_tool_calls;
  std::optional<int> max_steps;
  std::optional<std::int64_t> max_output_tokens;
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<std::int64_t> top_k;
  std::optional<double> frequency_penalty;
  std::optional<double> presence_penalty;
  std::vector<RawString> stop_sequences;
  std::optional<std::int64_t> seed;
  std::optional<bool> logprobs;
  std::optional<Reasoning> reasoning;
  bool response_json = false;  // responseFormat {type: "json"}, with or without a schema
  JsonSpan response_schema;    // empty: not given
  RawString response_name, response_description;
  std::optional<bool> response_strict;
  // JSON Merge Patch (RFC 7396) for the body of the provider request, in the order given. It cannot change the model or
  // the conversation.
  std::vector<std::pair<std::string, JsonSpan>> provider_options;

  Timeouts timeouts;
  RetryOptions retry;
  std::vector<Fallback> fallbacks;  // tried in this order
  HedgeOptions hedge;
  StreamOptions stream;
  JsonSpan metadata;  // echoed in `start`; empty: not given
  std::string traceparent;
  std::int64_t heartbeat_ms = 0;
  bool dry_run = false;
  bool early_tool_calls = false;  // send each call as soon as it is complete, not at the end of the step

  // Something that decoding changed or ignored; reported to the parent.
  struct Note {
    std::string code;
    std::string message;
  };
  std::vector<Note> notes;
};

}  // namespace aiw
