// Errors are values: what went wrong, in the closed and open vocabularies that a parent switches on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aiw {

// The closed list a parent may switch on. `code` refines it and may grow.
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

// One failure. Text fields may hold upstream's words, never a key and never a conversation.
struct Error {
  std::string code{};
  Category category = Category::internal;
  std::string message{};
  bool retryable = false;
  std::string pointer{};        // JSON pointer (RFC 6901) into the request line; empty: none
  std::string provider{};       // provider id as the config names it; empty: not a provider's failure
  int status = 0;               // HTTP status; 0: none
  std::string provider_code{};  // the provider's own word, as written
  std::string request_id{};     // the provider's id of the exchange, for its support
  std::string url{};            // that was asked, without user name, query and fragment; empty: not known
  std::optional<std::int64_t> retry_after_ms{};
  // Of context_overflow, in tokens, where the provider says so.
  std::optional<std::int64_t> limit_tokens{}, request_tokens{};
};

}  // namespace aiw
