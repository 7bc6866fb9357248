#include "protocol/error.hpp"

namespace aiw {

std::string_view to_string(Category category) {
  switch (category) {
    case Category::invalid_request: return "invalid_request";
    case Category::auth: return "auth";
    case Category::permission: return "permission";
    case Category::not_found: return "not_found";
    case Category::rate_limit: return "rate_limit";
    case Category::overloaded: return "overloaded";
    case Category::timeout: return "timeout";
    case Category::network: return "network";
    case Category::upstream: return "upstream";
    case Category::content_filter: return "content_filter";
    case Category::tool: return "tool";
    case Category::limit: return "limit";
    case Category::cancelled: return "cancelled";
    case Category::internal: break;
  }
  return "internal";
}

}  // namespace aiw
