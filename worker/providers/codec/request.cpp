#include "worker/providers/codec/request.hpp"

#include <algorithm>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/base/ordered_json.hpp"

namespace aiw {
namespace {

// Returns the key's header for target.auth. It has no name if there is no key to send.
Header key_header(const Target& target) {
  if (target.api_key.empty()) return {};
  switch (target.auth) {
    case Auth::bearer: return {"Authorization", "Bearer " + target.api_key, true};
    case Auth::api_key: return {"api-key", target.api_key, true};
    case Auth::x_api_key: return {"x-api-key", target.api_key, true};
    case Auth::x_goog_api_key: return {"x-goog-api-key", target.api_key, true};
    case Auth::none:
    case Auth::sigv4: return {};
  }
  return {};
}

bool is_sendable_url(std::string_view url) {
  return std::ranges::all_of(url, [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F; });
}

}  // namespace

void RequestNotes::add(std::string_view code, std::string_view message) {
  if (known_.emplace(code, message).second) notes_.push_back({std::string(code), std::string(message)});
}

void RequestNotes::dropped(std::string_view name, const Target& target) {
  add(warning_code::parameter_dropped, std::string(name) + " was left out: " + target.shown_as + " does not take it");
}

std::optional<std::int64_t> output_token_limit(const ChatRequest& chat, const Target& target, RequestNotes& notes) {
  if (!chat.max_output_tokens || !target.max_tokens || *chat.max_output_tokens <= *target.max_tokens) {
    return chat.max_output_tokens;
  }
  notes.add(warning_code::max_tokens_lowered, "maxOutputTokens is above the model's");
  return target.max_tokens;
}

Error invalid_request(std::string_view message, std::string_view pointer) {
  Error error;
  error.code = error_code::invalid_request;
  error.category = Category::invalid_request;
  error.message = message;
  error.pointer = pointer;
  return error;
}

std::expected<HttpRequest, Error> start_request(std::string method, std::string url, RequestHeaders own,
                                                const Target& target) {
  HttpRequest request{.method = std::move(method), .url = std::move(url), .headers = std::move(own), .body = {}};
  if (!is_sendable_url(request.url)) {
    return std::unexpected(invalid_request("the provider's base URL or model holds a space or a control character",
                                           "/payload/config/providers"));
  }
  Header key = key_header(target);
  if (!key.name.empty() && !request.headers.set(std::move(key))) {
    return std::unexpected(
        invalid_request("the provider's key holds a character that HTTP forbids", "/payload/config/providers"));
  }
  for (const Header& header : target.headers) static_cast<void>(request.headers.set(header));
  return request;
}

std::expected<HttpRequest, Error> start_json_post(std::string url, std::string_view stream_type, const StepInput& input,
                                                  Header extra) {
  const std::string_view accept = input.chat.stream.upstream ? stream_type : "application/json";
  RequestHeaders own = {{"Content-Type", "application/json", false}, {"Accept", std::string(accept), false}};
  if (!extra.name.empty()) static_cast<void>(own.set(std::move(extra)));
  return start_request("POST", std::move(url), std::move(own), input.target);
}

std::string apply_provider_options(std::string options, const ChatRequest& chat,
                                   std::span<const std::string_view> reserved, RequestNotes& notes) {
  if (chat.provider_options.empty()) return options;
  auto patch = OrderedJson::object();
  for (const auto& [key, value] : chat.provider_options) {
    if (std::ranges::find(reserved, key) != reserved.end()) {
      notes.add(warning_code::parameter_dropped,
                "providerOptions." + key + " was left out: the request's own fields set it");
      continue;
    }
    auto parsed = OrderedJson::parse(value.json, nullptr, false);
    if (parsed.is_discarded()) {  // valid JSON, but with a number beyond a double
      notes.add(warning_code::parameter_dropped,
                "providerOptions." + key + " was left out: it holds a number out of range");
    } else {
      patch[key] = std::move(parsed);
    }
  }
  auto body = OrderedJson::parse(options);
  body.merge_patch(patch);
  return body.dump();
}

}  // namespace aiw
