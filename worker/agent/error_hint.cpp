#include "worker/agent/error_hint.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "protocol/ascii.hpp"
#include "protocol/codes.hpp"
#include "protocol/json_text.hpp"
#include "worker/base/url.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/provider_defaults.hpp"

namespace aiw {
namespace {

// Gemini returns 400 for a wrong key and 403 for a missing one.
bool is_about_key(const Error& error) {
  if (error.status == 401 || error.status == 403 || error.category == Category::auth) return true;
  const std::string message = ascii_lower(error.message);
  return error.category == Category::invalid_request && (message.contains("api key") || message.contains("api_key"));
}

bool has_key(const Target& target) {
  return !target.api_key.empty() || !target.aws.access_key_id.empty() || !target.credentials.empty() ||
         std::ranges::any_of(target.headers, [](const Header& header) { return names_a_secret(header.name); });
}

// Matches "$NAME", also as the last word of a header. A valid reference has braces.
bool looks_like_variable(std::string_view value) {
  value = value.substr(value.rfind(' ') + 1);
  return value.size() > 1 && value.front() == '$' && !is_ascii_digit(value[1]) &&
         std::ranges::all_of(value.substr(1), [](char c) { return is_ascii_alnum(c) || c == '_'; });
}

bool has_literal_variable(const Target& target) {
  return looks_like_variable(target.api_key) || looks_like_variable(target.aws.access_key_id) ||
         looks_like_variable(target.aws.secret_access_key) ||
         std::ranges::any_of(target.headers, [](const Header& header) { return looks_like_variable(header.value); });
}

std::string key_hint(const Target& target) {
  const std::string whose = "the config of the provider " + std::string(utf8_prefix(target.provider_id, 256));
  if (target.auth != Auth::none && !has_key(target)) return "there is no apiKey in " + whose;
  if (has_literal_variable(target)) {
    return "a key in " + whose + " is literally $NAME; a reference to a variable is written ${NAME}";
  }
  return {};
}

std::string_view path_of(std::string_view base_url) {
  const auto host = base_url.find("://");
  const auto path = host == std::string_view::npos ? host : base_url.find('/', host + 3);
  return path == std::string_view::npos ? std::string_view() : base_url.substr(path);
}

// Matches "/v1", "/api/v3", "/v1beta/openai".
bool has_version(std::string_view path) {
  for (auto at = path.find("/v"); at != std::string_view::npos; at = path.find("/v", at + 1)) {
    if (at + 2 < path.size() && is_ascii_digit(path[at + 2])) return true;
  }
  return false;
}

bool is_openai_like(Api api) {
  return api == Api::openai_chat || api == Api::openai_responses || api == Api::openai_completions;
}

std::string base_url_hint(const Target& target) {
  constexpr auto kEndpoints = std::to_array<std::string_view>(
      {"/chat/completions", "/completions", "/responses", "/messages", "/chat", "/generate"});
  for (const auto endpoint : kEndpoints) {
    if (!target.base_url.ends_with(endpoint)) continue;
    return "the baseUrl ends in " + std::string(endpoint) + ", which the worker adds by itself";
  }
  const bool is_providers_own =
      target.known != nullptr && target.base_url == expand_base_url(*target.known, target.region);
  if (!is_openai_like(target.api) || is_providers_own || has_version(path_of(target.base_url))) return {};
  return "the baseUrl has no /v1, below which most servers have this API";
}

// Returns true if the base URL may be wrong; false if the API reports that the model does not exist.
bool is_about_address(const Error& error) {
  if (error.code == error_code::bad_content_type) return true;
  return (error.status == 404 || error.status == 405) && !ascii_lower(error.message).contains("model") &&
         !ascii_lower(error.provider_code).contains("model");
}

// Some gateways have a key or an account in the path. Hides segments that are long and not a word.
std::string without_keys(std::string_view path) {
  constexpr std::size_t kLongestWord = 15;
  std::string shown;
  for (;;) {
    const auto end = std::min(path.find('/'), path.size());
    const auto segment = path.substr(0, end);
    const bool is_word =
        std::ranges::all_of(segment, [](char c) { return (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.'; });
    shown += segment.size() <= kLongestWord || is_word ? segment : "[redacted]";
    if (end == path.size()) return shown;
    shown += '/';
    path.remove_prefix(end + 1);
  }
}

// Hides keys in the base URL. The rest of the URL is added by the worker and holds no key.
void hide_keys(Error& error, const Target& target) {
  const std::string_view url = error.url;
  const std::size_t given = url.starts_with(target.base_url) ? target.base_url.size() : url.size();
  const std::string_view path = path_of(url.substr(0, given));
  error.url = std::string(url.substr(0, given - path.size())) + without_keys(path) + std::string(url.substr(given));
}

void hide_model(Error& error, const Target& target) {
  if (target.shown_as == target.model || target.model.empty()) return;
  for (const auto& name : {target.model, percent_encode(target.model)}) {
    const auto at = error.url.find(name);
    if (at != std::string::npos) error.url.resize(at);
  }
}

}  // namespace

void complete_error(Error& error, const Target& target) {
  hide_model(error, target);
  hide_keys(error, target);
  std::string hint;
  if (is_about_key(error)) hint = key_hint(target);
  if (is_about_address(error)) hint = base_url_hint(target);
  if (hint.empty()) return;
  hint = " (" + hint + ')';
  error.message = std::string(utf8_prefix(error.message, kMaxErrorMessageBytes - hint.size())) + hint;
}

}  // namespace aiw
