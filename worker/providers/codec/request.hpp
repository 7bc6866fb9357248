// Parts common to the requests of all wire APIs: headers, the place of the key, notes, providerOptions.
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

// Omissions and repairs of a request, each reported once.
class RequestNotes {
 public:
  void add(std::string_view code, std::string_view message);
  // Adds "parameter_dropped": the model or API does not accept the chat's option `name`.
  void dropped(std::string_view name, const Target& target);
  std::vector<ChatRequest::Note> take() { return std::move(notes_); }

 private:
  std::vector<ChatRequest::Note> notes_;
  std::set<std::pair<std::string, std::string>> known_;
};

// Returns the token limit of the response: the chat's limit, at most the model's own.
std::optional<std::int64_t> output_token_limit(const ChatRequest& chat, const Target& target, RequestNotes& notes);

Error invalid_request(std::string_view message, std::string_view pointer);

// Starts a request without a body. It has the headers `own`, the key as target.auth requires (sigv4 is left to the
// API), then the config's headers, which replace others of the same name. Error: a URL or key that HTTP forbids; the
// message never repeats it.
std::expected<HttpRequest, Error> start_request(std::string method, std::string url, RequestHeaders own,
                                                const Target& target);
// Starts a POST of JSON whose response is a stream of `stream_type`, or one body. `extra` may be one more own header.
std::expected<HttpRequest, Error> start_json_post(std::string url, std::string_view stream_type, const StepInput& input,
                                                  Header extra = {});

// Returns `options`, a JSON object, with the chat's providerOptions applied as a JSON Merge Patch (RFC 7396): objects
// are merged member by member, null removes. Members named in `reserved` are not changed. Returns `options` itself if
// there is nothing to apply. Keeps the order of members and puts new ones last, so equal requests stay equal byte for
// byte.
std::string apply_provider_options(std::string options, const ChatRequest& chat,
                                   std::span<const std::string_view> reserved, RequestNotes& notes);

}  // namespace aiw
