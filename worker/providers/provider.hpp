// The core of a wire API is three pure functions. They turn a chat into an HTTP request, response bytes into events,
// and an HTTP error into an Error.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/chat.hpp"
#include "protocol/event.hpp"
#include "worker/base/http_message.hpp"
#include "worker/providers/step.hpp"
#include "worker/secrets/live_secret.hpp"

namespace aiw {

struct ProviderDefaults;

struct AwsKeys {
  std::string access_key_id, secret_access_key, session_token;
};

// Destination of a step: a provider and a model with all settings resolved. Holds keys: never print it.
struct Target {
  std::string provider_id;
  std::string model;     // the upstream's name for the model
  std::string shown_as;  // the name in events: an alias, or `model`
  Api api = Api::openai_chat;
  std::string base_url;       // without a trailing slash
  std::string api_key;        // empty: no key is sent
  std::string account{};      // tells apart several keys that the config has for this server; else empty
  Auth auth = Auth::bearer;   // how the key is sent
  AwsKeys aws{};              // for Auth::sigv4
  std::string credentials{};  // Vertex AI: JSON of the service account from which api_key is made; or empty
  std::string region{}, project{}, api_version{};
  const ProviderDefaults* known = nullptr;  // found by id, else by the base URL's host; nullptr: unknown provider
  ServerQuirks quirks{};                    // from the config; they override `known`
  RequestHeaders headers{};                 // from the config; they override all others
  std::vector<LiveSecret> secrets{};        // all keys above, registered while in use
  std::optional<std::int64_t> max_tokens;   // the model's limit from the config
  std::optional<Price> price{};
  std::string script;  // mock only
};

// The messages at the start of a conversation as a builder wrote them, kept from step to step. The request for a longer
// history begins with the same bytes, so a later step writes only the new messages. Belongs to one chat and one target.
struct WrittenHistory {
  std::size_t messages = 0;  // number of the chat's messages in `blocks`
  std::vector<std::shared_ptr<const Rope>> blocks;
  std::size_t cache_marks = 0;          // cache marks in these messages
  std::size_t cache_marks_skipped = 0;  // cache marks skipped in the whole history when it was written
};

class AdaptedChat;
struct ServerProfile;

struct StepInput {
  const ChatRequest& chat;            // everything except the messages
  std::span<const Message> messages;  // the history, and the messages that earlier steps added
  const Target& target;
  bool offer_tools = true;            // false: last step, the model must respond without tools
  std::chrono::sys_seconds now{};     // for signatures
  WrittenHistory* written = nullptr;  // state that the builder may keep for the next step; nullptr: none
  // The chat adapted to the target, kept beside `written`. nullptr: it is made for this request only.
  std::shared_ptr<AdaptedChat> adapted = nullptr;
  const ServerProfile* profile = nullptr;  // profile of the target's server; nullptr: the chat was not adapted to it
};

// Names that a request sends in place of the chat's own. Each map gives the chat's name by the name sent.
struct RenamedWords {
  std::map<std::string, std::string, std::less<>> tools;
  std::map<std::string, std::string, std::less<>> properties;       // members of tool arguments
  std::map<std::string, std::string, std::less<>> sent_properties;  // the reverse map: name sent, by the chat's name
};

struct BuiltRequest {
  HttpRequest http;                               // the body may refer to the conversation's bytes
  std::vector<ChatRequest::Note> notes;           // repairs and omissions, each sent as a `warning`
  std::shared_ptr<const RenamedWords> renamed{};  // nullptr: none
  std::string maker{};                   // maker of the provider states in the response (profile/state_maker.hpp)
  std::shared_ptr<const void> memory{};  // owns bytes that the body refers to, besides the conversation's
};

// A push decoder: takes bytes, cut anywhere, and emits events. Never throws on any input. Memory is bounded by
// `kMaxEventBytes` and the size of one response. Not thread-safe; one instance for each attempt.
class ResponseDecoder {
 public:
  static constexpr std::size_t kMaxEventBytes = std::size_t{16} << 20;

  virtual ~ResponseDecoder() = default;
  virtual void feed(std::string_view bytes, StepSink& sink) = 0;
  // Call when the body ended as HTTP requires. Emits finish or fail if neither came yet (truncated_stream,
  // bad_response).
  virtual void end(StepSink& sink) = 0;
};

enum class BodyFormat { stream, unary };

// One page of a provider's model list.
struct ModelPage {
  std::vector<ModelInfo> models;
  std::string next;  // token of the next page; empty: this is the last page
};

struct WireApi {
  // Error: the conversation or the options cannot be expressed (code invalid_request with a JSON pointer).
  std::expected<BuiltRequest, Error> (*build)(const StepInput& input);
  std::unique_ptr<ResponseDecoder> (*make_decoder)(BodyFormat format);
  // `body` is the start of an error response's body: at most 64 KiB of any bytes. Sets code upstream_http, category by
  // status, message, provider_code, status and retryable. The message has at most 4 KiB; from HTML, at most 512
  // characters without tags.
  Error (*http_error)(const ResponseHead& head, std::string_view body);
  // Builds the request for a page of the model list. `page` is empty or `next` of the previous page. nullptr: the API
  // has no model list.
  std::expected<HttpRequest, Error> (*list_models)(const Target& target, std::string_view page,
                                                   std::chrono::sys_seconds now) = nullptr;
  std::expected<ModelPage, Error> (*read_models)(std::string_view body) = nullptr;
  // Finish reason, in the API's word, of a paused response that must be sent back to be continued. Empty: none.
  std::string_view pause_reason = {};
};

// Returns the functions of a wire API (registry.cpp); nullptr for mock, which has none.
const WireApi* wire_api(Api api);
// Returns how a wire API sends its key unless the config says otherwise.
Auth default_auth(Api api);
// True if the API names the model in the path of its URLs.
bool has_model_in_path(Api api);

// Builds the request for the chat as adapted to its target (profile/adapted_chat.hpp). All callers that need a request
// use this function. An exception in the builder fails only this chat (code internal) and does not end the process,
// because schemas and histories are untrusted.
std::expected<BuiltRequest, Error> build_request(const WireApi& api, const StepInput& input);

}  // namespace aiw
