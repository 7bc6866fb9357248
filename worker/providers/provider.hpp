// A wire API is three pure functions: a chat to an HTTP request, bytes of an answer to events, an HTTP error to an
// Error.
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

// Where a step goes: a provider and a model with everything resolved. Holds keys: never print it.
struct Target {
  std::string provider_id;
  std::string model;     // the upstream's name for it
  std::string shown_as;  // the name that events use: an alias, or `model`
  Api api = Api::openai_chat;
  std::string base_url;       // without a trailing slash
  std::string api_key;        // empty: none is sent
  std::string account{};      // tells keys apart of which the config has several for this server; else empty
  Auth auth = Auth::bearer;   // how the key is shown
  AwsKeys aws{};              // for Auth::sigv4
  std::string credentials{};  // Vertex: a service account's JSON, from which api_key is made; or empty
  std::string region{}, project{}, api_version{};
  const ProviderDefaults* known = nullptr;  // by id, else by the base URL's host; nullptr: nothing is known
  ServerQuirks quirks{};                    // the config's, which win over what is known
  RequestHeaders headers{};                 // the config's own, which win
  std::vector<LiveSecret> secrets{};        // all keys of the above, while they are in use
  std::optional<std::int64_t> max_tokens;   // the model's limit from the config
  std::optional<Price> price{};
  std::string script;  // mock only
};

// The beginning of a conversation as a builder wrote it, kept from step to step: a longer history's request begins with
// the same bytes, so that a later step writes only what is new. Of one chat and one target.
struct WrittenHistory {
  std::size_t messages = 0;  // so many of the chat's
  std::vector<std::shared_ptr<const Rope>> blocks;
  std::size_t cache_marks = 0;          // that these messages have
  std::size_t cache_marks_skipped = 0;  // of all, when they were written
};

class AdaptedChat;
struct ServerProfile;

struct StepInput {
  const ChatRequest& chat;            // everything but the messages
  std::span<const Message> messages;  // the history, and what earlier steps added
  const Target& target;
  bool offer_tools = true;            // false: a last step that must answer without tools
  std::chrono::sys_seconds now{};     // for signatures
  WrittenHistory* written = nullptr;  // what the builder may keep for the next step; nullptr: nothing
  // The chat as the target takes it, kept beside `written`; nullptr: made for this request only.
  std::shared_ptr<AdaptedChat> adapted = nullptr;
  const ServerProfile* profile = nullptr;  // of the target's server; nullptr: the chat was not adapted to it
};

// Words that a request sends in place of the chat's own: the chat's, by what is sent.
struct RenamedWords {
  std::map<std::string, std::string, std::less<>> tools;
  std::map<std::string, std::string, std::less<>> properties;       // of tools' arguments
  std::map<std::string, std::string, std::less<>> sent_properties;  // the other way round
};

struct BuiltRequest {
  HttpRequest http;                               // the body may refer to the conversation's bytes
  std::vector<ChatRequest::Note> notes;           // repairs and omissions, each a `warning`
  std::shared_ptr<const RenamedWords> renamed{};  // nullptr: none
  std::string maker{};                            // of the provider states in its response (profile/state_maker.hpp)
  std::shared_ptr<const void> memory{};           // bytes that the body refers to, beside the conversation's
};

// A push decoder: bytes in, cut anywhere, events out. Never throws on any input; memory is bounded by `kMaxEventBytes`
// and what one answer holds. Not thread-safe; one for each attempt.
class ResponseDecoder {
 public:
  static constexpr std::size_t kMaxEventBytes = std::size_t{16} << 20;

  virtual ~ResponseDecoder() = default;
  virtual void feed(std::string_view bytes, StepSink& sink) = 0;
  // The body ended as HTTP says it may. Emits finish or fail if neither came yet (truncated_stream, bad_response).
  virtual void end(StepSink& sink) = 0;
};

enum class BodyFormat { stream, unary };

// A page of a provider's models.
struct ModelPage {
  std::vector<ModelInfo> models;
  std::string next;  // what asks for the page after it; empty: this was the last
};

struct WireApi {
  // Error: the conversation or the options cannot be expressed (code invalid_request with a JSON pointer).
  std::expected<BuiltRequest, Error> (*build)(const StepInput& input);
  std::unique_ptr<ResponseDecoder> (*make_decoder)(BodyFormat format);
  // `body` is the start of an error response's body, at most 64 KiB, any bytes. Fills code upstream_http, category by
  // status, message (at most 4 KiB; HTML: at most 512 characters, tags stripped), provider_code, status, retryable.
  Error (*http_error)(const ResponseHead& head, std::string_view body);
  // Asks for the provider's models; `page` is empty or what the page before gave. nullptr: the API has no such list.
  std::expected<HttpRequest, Error> (*list_models)(const Target& target, std::string_view page,
                                                   std::chrono::sys_seconds now) = nullptr;
  std::expected<ModelPage, Error> (*read_models)(std::string_view body) = nullptr;
  // The finish reason, in the API's word, of an answer that is to be sent back to be continued; empty: there is none.
  std::string_view pause_reason = {};
};

// The functions of a wire API (registry.cpp); nullptr for mock, which has none.
const WireApi* wire_api(Api api);
// How a wire API shows its key unless the config says otherwise.
Auth default_auth(Api api);

// The request for the chat as its target takes it (profile/adapted_chat.hpp), for everybody who builds one. A fault of
// the builder is this chat's error (code internal), not the end of the process: schemas and histories come from
// strangers.
std::expected<BuiltRequest, Error> build_request(const WireApi& api, const StepInput& input);

}  // namespace aiw
