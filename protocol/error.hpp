// Errors as values, with the category and code that a parent can switch on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aiw {

// Closed list of categories for a parent to switch on. `code` refines a category, and its list may grow.
enum class Category {
  invalid_request,
  auth,
  permission,
  not_found,
  rate_limit,
  overloaded,
  timeout,
  network,
  upstream,
  content_filter,
  tool,
  limit,
  cancelled,
  internal,
};

std::string_view to_string(Category category);

// One failure. Text fields may contain text from upstream, but never a key or a conversation.
struct Error {
  std::string code{};
  Category category = Category::internal;
  std::string message{};
  bool retryable = false;
  std::string pointer{};        // JSON pointer (RFC 6901) into the request line; empty: none
  std::string provider{};       // provider id from the config; empty: not a provider failure
  int status = 0;               // HTTP status; 0: none
  std::string provider_code{};  // provider's own error code, unchanged
  std::string request_id{};     // provider's id of the exchange, for its support
  std::string url{};            // requested URL without user name, query and fragment; empty: unknown
  std::optional<std::int64_t> retry_after_ms{};
  // Token counts of a context_overflow error, if the provider reports them.
  std::optional<std::int64_t> limit_tokens{}, request_tokens{};
};

}  // namespace aiw
