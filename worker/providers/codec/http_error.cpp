#include "worker/providers/codec/http_error.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "protocol/ascii.hpp"
#include "protocol/codes.hpp"
#include "protocol/json_text.hpp"
#include "worker/base/retry_after.hpp"
#include "worker/base/white_space.hpp"

namespace aiw {
namespace {

constexpr std::size_t kMaxErrorWordBytes = 256;  // codes and ids

// What a JSON body says of its error.
struct Details {
  std::string message;
  std::string code;
  std::string retry_delay;  // google.rpc.RetryInfo
  std::string request_id;
  std::optional<std::int64_t> limit_tokens, request_tokens;  // llama.cpp's
};

// A code or type as a word; numbers as digits.
std::string word(const EventJson& json, const JsonElement& object, std::string_view key) {
  if (const auto text = get_string(object, key)) return json.plain_text(*text);
  if (const auto number = get_count(object, key)) return std::to_string(*number);
  return {};
}

bool is_number(std::string_view text) { return text.find_first_not_of("0123456789") == std::string_view::npos; }

// The most telling word: OpenAI's `code`, Google's `status`, else the `type`; a bare number only if there is no other.
std::string pick_code(const EventJson& json, const JsonElement& error) {
  std::string number;
  for (const std::string_view key : {"code", "status", "type"}) {
    auto candidate = word(json, error, key);
    if (!is_number(candidate)) return candidate;
    if (number.empty()) number = std::move(candidate);
  }
  return number;
}

std::string retry_delay(const JsonElement& error) {
  const auto details = get_array(error, "details");
  if (!details) return {};
  for (const JsonElement detail : *details) {
    if (const auto delay = get_string(detail, "retryDelay")) return std::string(*delay);
  }
  return {};
}

std::string own_message(const EventJson& json, const JsonElement& error) {
  for (const std::string_view key : {"message", "detail", "error_description", "error", "msg"}) {
    if (const auto text = get_string(error, key)) return json.plain_text(*text);
    // A validation report (FastAPI's `detail`) is worth more than nothing.
    if (const auto member = get_member(error, key); member && !member->is_object() && key != "error") {
      return json.plain_text(to_json(*member));
    }
  }
  return {};
}

JsonElement nested_error(const JsonElement& body) {
  const auto nested = get_member(body, "error");
  return nested && nested->is_object() ? *nested : body;
}

// What the provider behind a gateway said (OpenRouter: error.metadata.raw, as text, JSON or JSON in a text).
std::string inner_message(const EventJson& json, const JsonElement& error) {
  const auto raw = get_path(error, {"metadata", "raw"});
  if (!raw) return {};
  if (raw->is_object()) return own_message(json, nested_error(*raw));
  std::string_view text;
  if (raw->get(text) != simdjson::SUCCESS) return {};
  const std::string words = json.plain_text(text);
  EventJson inner;
  const auto root = inner.parse(words);
  std::string message = root && root->is_object() ? own_message(inner, nested_error(*root)) : std::string();
  return message.empty() ? words : message;
}

std::string pick_message(const EventJson& json, const JsonElement& error) {
  std::string message = own_message(json, error);
  const std::string inner = inner_message(json, error);
  // Only what may be shown is compared, because a search for a long text takes quadratic time.
  const bool repeats = std::string_view(message).substr(0, kMaxErrorMessageBytes).contains(inner);
  if (!inner.empty() && !repeats) message += message.empty() ? inner : ": " + inner;
  return message;
}

std::optional<Details> read_json(std::string_view body) {
  EventJson json;
  auto root = json.parse(body);
  if (root && root->is_array()) {
    JsonElement first;
    root = root->at(0).get(first) == simdjson::SUCCESS ? std::optional(first) : std::nullopt;
  }
  if (!root || !root->is_object()) return std::nullopt;
  const JsonElement error = nested_error(*root);
  return Details{pick_message(json, error),       pick_code(json, error),    retry_delay(error),
                 word(json, *root, "request_id"), get_count(error, "n_ctx"), get_count(error, "n_prompt_tokens")};
}

bool starts_with_tag(std::string_view lower, std::string_view name) {
  if (!lower.starts_with(name)) return false;
  return lower.size() == name.size() || std::string_view(" >/\t\r\n").contains(lower[name.size()]);
}

// Finds the ends of elements that hold no prose. Tags must be passed from left to right.
class SkippedElements {
 public:
  explicit SkippedElements(std::string_view lower) : lower_(lower) {}

  // Returns the position of the closing tag; `tag` itself if its contents are not skipped.
  std::size_t end_of(std::size_t tag) {
    for (Element& element : elements_) {
      if (element.is_unclosed || !starts_with_tag(lower_.substr(tag), element.opening)) continue;
      const std::size_t end = lower_.find(element.closing, tag);
      if (end != std::string_view::npos) return end;
      element.is_unclosed = true;  // later ones are unclosed too; do not search again
    }
    return tag;
  }

 private:
  struct Element {
    std::string_view opening, closing;
    bool is_unclosed = false;
  };

  std::string_view lower_;
  std::array<Element, 3> elements_{{{"<script", "</script"}, {"<style", "</style"}, {"<head", "</head"}}};
};

// Returns the prose of an HTML page, white space collapsed. Not cut: bounded_message must see keys whole.
std::string strip_tags(std::string_view html) {
  const std::string lower = ascii_lower(html);
  SkippedElements skipped(lower);
  std::string out;
  for (std::size_t at = 0; at < html.size();) {
    if (html[at] == '<') {
      at = std::min(html.find('>', skipped.end_of(at)), html.size() - 1) + 1;
      if (!out.empty() && out.back() != ' ') out += ' ';
      continue;
    }
    const bool blank = static_cast<unsigned char>(html[at]) <= ' ';
    if (!blank) out += html[at];
    if (blank && !out.empty() && out.back() != ' ') out += ' ';
    ++at;
  }
  return std::string(trim(out));
}

bool is_html(const ResponseHead& head, std::string_view body) {
  return head.header("content-type").find("html") != std::string_view::npos || body.starts_with('<');
}

std::string describe(const ResponseHead& head, std::string_view body) {
  std::string message =
      is_html(head, body) ? bounded_message(strip_tags(body), kMaxHtmlMessageBytes) : bounded_message(body);
  if (message.empty()) message = "HTTP " + std::to_string(head.status) + " without an explanation";
  return message;
}

struct Meaning {
  std::string_view word;
  Category category;
  bool retryable;
};

// The providers' words for what went wrong inside an answer, matched as parts of theirs; the first match counts.
constexpr std::array<Meaning, 21> kMeanings = {{
    {"overloaded", Category::overloaded, true},
    {"unavailable", Category::overloaded, true},
    {"capacity", Category::overloaded, true},
    {"insufficient_quota", Category::rate_limit, false},
    {"rate_limit", Category::rate_limit, true},
    {"rate limit", Category::rate_limit, true},
    {"too_many_requests", Category::rate_limit, true},
    {"resource_exhausted", Category::rate_limit, true},
    {"throttl", Category::rate_limit, true},
    {"content_filter", Category::content_filter, false},
    {"content_policy", Category::content_filter, false},
    {"authentication", Category::auth, false},
    {"api_key", Category::auth, false},
    {"permission", Category::permission, false},
    {"billing", Category::permission, false},
    {"not_found", Category::not_found, false},
    {"invalid", Category::invalid_request, false},
    {"too_large", Category::invalid_request, false},
    {"timeout", Category::timeout, true},
    {"api_error", Category::upstream, true},
    {"server_error", Category::upstream, true},
}};

}  // namespace

std::string request_id(const ResponseHead& head) {
  // The provider's own first; those of what stands before it last.
  constexpr auto kNames = std::to_array<std::string_view>(
      {"x-request-id", "request-id", "x-amzn-requestid", "x-amz-request-id", "apim-request-id", "x-ms-request-id",
       "x-goog-request-id", "x-github-request-id", "x-ds-trace-id", "mistral-correlation-id", "x-debug-trace-id",
       "x-generation-id", "x-correlation-id", "x-trace-id", "x-vercel-id", "x-cloud-trace-context", "x-amzn-trace-id",
       "cf-ray"});
  for (const auto name : kNames) {
    const auto value = head.header(name);
    if (!value.empty()) return bounded_message(value, kMaxErrorWordBytes);
  }
  return {};
}

Category category_of_status(int status) {
  switch (status) {
    case 401: return Category::auth;
    case 402:
    case 403: return Category::permission;
    case 404: return Category::not_found;
    case 408: return Category::timeout;
    case 409:
    case 425: return Category::upstream;
    case 429: return Category::rate_limit;
    case 503:
    case 529: return Category::overloaded;
    default: return status >= 400 && status < 500 ? Category::invalid_request : Category::upstream;
  }
}

bool is_retryable_status(int status) {
  return status == 408 || status == 409 || status == 425 || status == 429 || (status >= 500 && status < 600);
}

std::string bounded_message(std::string_view text, std::size_t max_bytes) {
  // Before it is cut: a piece of a key is not known as one any more.
  // Four bytes more, so that the cut is made between characters and not by the repair.
  const std::size_t shown = max_bytes + 4;
  const std::string valid =
      sanitize_utf8(without_live_secrets(trim(text).substr(0, shown + kLongestEscapedKey), shown));
  return std::string(utf8_prefix(valid, max_bytes));
}

std::string error_body(std::string_view body) {
  if (body.size() <= kMaxErrorBody) return std::string(body);
  return without_live_secrets(body.substr(0, kMaxErrorBodyRead), kMaxErrorBody);
}

Error http_error(const ResponseHead& head, std::string_view body, std::chrono::sys_seconds now) {
  body = trim(body);
  Error error;
  error.code = error_code::upstream_http;
  error.status = head.status;
  error.category = category_of_status(head.status);
  error.retryable = is_retryable_status(head.status);
  error.request_id = request_id(head);
  const auto details = read_json(body).value_or(Details{});
  error.provider_code = bounded_message(details.code, kMaxErrorWordBytes);
  error.message = details.message.empty() ? describe(head, body) : bounded_message(details.message);
  if (error.request_id.empty()) error.request_id = bounded_message(details.request_id, kMaxErrorWordBytes);
  if (error.provider_code == "content_filter") error.category = Category::content_filter;
  const auto decided = head.header("x-should-retry");
  if (decided == "true" || decided == "false") error.retryable = decided == "true";
  error.retry_after_ms = retry_after_ms(head, details.retry_delay, now);
  error.limit_tokens = details.limit_tokens;
  error.request_tokens = details.request_tokens;
  return error;
}

Error http_error(const ResponseHead& head, std::string_view body) {
  const auto date = parse_http_date(head.header("date"));
  return http_error(head, body,
                    date ? *date : std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
}

namespace {

// Sets what `word` says of the error; false if it says nothing.
bool classify(std::string_view word, Error& error) {
  int status = 0;
  const char* end = word.data() + word.size();
  if (std::from_chars(word.data(), end, status).ptr == end && status >= 400 && status < 600) {
    error.category = category_of_status(status);
    error.retryable = is_retryable_status(status);
    return true;
  }
  const std::string lower = ascii_lower(word);
  const auto known = std::ranges::find_if(kMeanings, [&](const Meaning& m) { return lower.contains(m.word); });
  if (known == kMeanings.end()) return false;
  error.category = known->category;
  error.retryable = known->retryable;
  return true;
}

}  // namespace

Error upstream_fault(std::string_view code, std::string_view message, bool retryable) {
  Error error;
  error.code = code;
  error.category = Category::upstream;
  error.message = message;
  error.retryable = retryable;
  return error;
}

Error page_fault(std::string_view code, std::string_view html) {
  const std::string words = bounded_message(strip_tags(error_body(html)), kMaxHtmlMessageBytes);
  return upstream_fault(
      code, "the provider sent a web page instead of an API response" + (words.empty() ? words : ": " + words), false);
}

Error in_stream_error(std::string_view provider_code, std::string_view message) {
  Error error;
  error.code = error_code::upstream_error;
  error.category = Category::upstream;
  error.provider_code = bounded_message(provider_code, kMaxErrorWordBytes);
  error.message = bounded_message(message);
  if (error.message.empty()) error.message = "the provider reported an error inside its answer";
  classify(provider_code, error);
  return error;
}

Error in_stream_error(const EventJson& json, const JsonElement& error) {
  std::string_view text;
  if (error.get(text) == simdjson::SUCCESS) return in_stream_error("", json.plain_text(text));
  Error out = in_stream_error(pick_code(json, error), pick_message(json, error));
  if (!classify(out.provider_code, out)) {
    for (const std::string_view key : {"type", "status", "status_code", "code"}) {
      if (classify(word(json, error, key), out)) break;
    }
  }
  out.limit_tokens = get_count(error, "n_ctx");
  out.request_tokens = get_count(error, "n_prompt_tokens");
  return out;
}

}  // namespace aiw
