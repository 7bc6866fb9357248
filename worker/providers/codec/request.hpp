// What the requests of all wire APIs have in common: headers, the key's place, notes, providerOptions.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/chat.hpp"
#include "protocol/error.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// What a request left out or mended, each thing once.
class RequestNotes {
 public:
  void add(std::string_view code, std::string_view message);
  // "parameter_dropped": the model or API does not take what the chat names `name`.
  void dropped(std::string_view name, const Target& target);
  std::vector<ChatRequest::Note> take() { return std::move(notes_); }

 private:
  std::vector<ChatRequest::Note> notes_;
  std::set<std::pair<std::string, std::string>> known_;
};

// How many tokens the answer may have: what the chat asks for, at most the model's own limit.
std::optional<std::int64_t> output_token_limit(const ChatRequest& chat, const Target& target, RequestNotes& notes);

Error invalid_request(std::string_view message, std::string_view pointer);

// A request without a body: `own` headers, the key as target.auth says (sigv4 is left to the API), then the config's
// headers, which replace others of the same name. Error: a URL or key that HTTP forbids, never repeating it.
std::expected<HttpRequest, Error> start_request(std::string method, std::string url, RequestHeaders own,
                                                const Target& target);
// The same for a POST of JSON that is answered by a stream, or not.
std::expected<HttpRequest, Error> start_json_post(std::string url, std::string_view stream_type,
                                                  const StepInput& input);

// `options`, a JSON object, with the chat's providerOptions applied as a JSON Merge Patch (RFC 7396): objects are
// merged member by member, null removes. Members named in `reserved` stay ours. Returns `options` itself if there is
// nothing to apply. The order of members is kept, new ones come last, so equal requests stay equal byte for byte.
std::string apply_provider_options(std::string options, const ChatRequest& chat,
                                   std::span<const std::string_view> reserved, RequestNotes& notes);

}  // namespace aiw
