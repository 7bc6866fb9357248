// What a `chat` line asks for: plain structs whose strings are either owned and decoded (small things) or views of
// the request line as written (a conversation's bytes, which are sliced and never rebuilt).
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

// Asks the provider to keep the prompt up to here in its cache, for about so long.
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
// Exactly one of `data` (base64), `url` and `file_id` is set. A data URL has been split into media_type and data.
struct MediaPart {
  MediaKind kind = MediaKind::image;
  RawString media_type{};
  RawString data{};
  RawString url{};
  RawString filename{};
  RawString file_id{};  // the provider's own name of a file that was uploaded to it
  RawString provider_state{};
  CacheMark cache = CacheMark::none;
};
struct ToolCallPart {
  RawString tool_call_id;
  RawString tool_name;
  JsonSpan input;        // `{}` where the model's arguments were no JSON
  RawString input_text;  // the arguments as the model wrote them; empty: not given
  RawString provider_state;
  CacheMark cache = CacheMark::none;
};
struct ToolResultPart;
// A provider's own block, opaque to everyone else.
struct ProviderPart {
  RawString provider_state;
};

using Part = std::variant<TextPart, ReasoningPart, MediaPart, ToolCallPart, ToolResultPart, ProviderPart>;

enum class ToolOutputType { text, json, content, error_text, error_json };
struct ToolOutput {
  ToolOutputType type = ToolOutputType::text;
  JsonSpan value;           // text, error_text: a JSON string; json, error_json: any value
  std::vector<Part> parts;  // content: text, media and provider parts only
};
struct ToolResultPart {
  RawString tool_call_id;
  RawString tool_name;
  std::shared_ptr<const ToolOutput> output;  // shared: parts are values that copy, an output may be large
  CacheMark cache = CacheMark::none;
};

struct Message {
  Role role = Role::user;
  std::vector<Part> parts;  // a `content` string is one text part
};

// A tool is described by name, description and schema, or by `definition`: the whole entry in the wire API's own words
// (a provider's web search, its bash tool), sent as it is.
struct Tool {
  RawString name;  // empty only if the provider runs it
  RawString description{};
  JsonSpan input_schema{};       // empty: none given
  JsonSpan definition{};         // an object; empty: none
  std::optional<bool> strict{};  // the provider is to hold the model to the schema
  ToolExecutor executor = ToolExecutor::parent;
  CacheMark cache = CacheMark::none;
  Approval approval = Approval::always;
  std::optional<std::int64_t> timeout_ms{};  // absent: the chat's
  std::shared_ptr<const HttpTool> http{};    // set if executor is http
};

enum class ToolChoiceType { automatic, none, required, tool };
struct ToolChoice {
  ToolChoiceType type = ToolChoiceType::automatic;
  RawString tool_name;  // for `tool`
};

struct Reasoning {
  RawString effort;  // e.g. "low", "medium", "high"; empty: none given
  std::optional<std::int64_t> budget_tokens;
};

// All in milliseconds; 0 switches one off.
struct Timeouts {
  std::int64_t connect_ms = 10'000;
  std::int64_t first_byte_ms = 300'000;
  std::int64_t idle_ms = 120'000;      // no byte at all
  std::int64_t progress_ms = 600'000;  // no event that carries content
  std::int64_t tool_ms = 300'000;
  std::int64_t total_ms = 3'600'000;
};

struct RetryOptions {
  int max = 2;           // retries after the first attempt
  bool restart = false;  // retry even after output was forwarded; the parent discards what it has
};

// Another model, asked when the one before has failed.
struct Fallback {
  std::string model{};               // an alias or "provider/model"
  std::vector<std::string> codes{};  // codes and categories of the errors that it is for; empty: all
};

// A second try beside the first, if that brings no output for so long.
struct HedgeOptions {
  std::int64_t after_ms = 0;  // 0: none
  std::string model{};        // an alias or "provider/model"; empty: the same again
};

struct StreamOptions {
  std::int64_t delta_interval_ms = 0;  // deltas of one part are merged for this long
  std::int64_t max_delta_chars = 0;    // a merged delta is sent at this length; 0: no limit
  bool upstream = true;                // false: one unary answer is asked of the provider
  bool ui = false;                     // AI SDK UI message chunks in place of v1's events
};

// One accepted chat. Views point into `line`, which the request keeps alive.
struct ChatRequest {
  std::string id;
  std::shared_ptr<const std::string> line;

  std::optional<Config> config;  // absent: the one given by reload_config
  std::string provider_id;
  std::string model_id;
  std::string model;  // an alias or "provider/model"
  std::string caller_key_id;
  std::string base_url;  // of the parent's own HTTP API, for LeanSpec's tools and sessions; no key goes there
  std::string session_id;
  std::string project_id;
  std::string user_id;

  RawString system;
  std::vector<Message> messages;
  std::vector<Tool> tools;
  std::vector<McpServer> mcp_servers;
  bool mcp_only = false;  // no tools but those of the MCP servers
  std::optional<ToolChoice> tool_choice;
  bool tool_choice_every_step = false;  // false: a choice that forces a call is for the first step only
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
  JsonSpan response_schema;    // empty: none
  RawString response_name, response_description;
  std::optional<bool> response_strict;
  // A JSON Merge Patch (RFC 7396) on the request's body, its model and its conversation
  // excepted; in the order given.
  std::vector<std::pair<std::string, JsonSpan>> provider_options;

  Timeouts timeouts;
  RetryOptions retry;
  std::vector<Fallback> fallbacks;  // in turn
  HedgeOptions hedge;
  StreamOptions stream;
  JsonSpan metadata;  // echoed in `start`; empty: none
  std::string traceparent;
  std::int64_t heartbeat_ms = 0;
  bool dry_run = false;
  bool early_tool_calls = false;  // each call is shown as soon as it is complete, not at the step's end

  // What decoding changed or ignored, for the parent to see.
  struct Note {
    std::string code;
    std::string message;
  };
  std::vector<Note> notes;
};

}  // namespace aiw
