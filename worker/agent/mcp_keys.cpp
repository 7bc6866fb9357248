#include "worker/agent/mcp_keys.hpp"

#include "protocol/codes.hpp"

namespace aiw {
namespace {

std::expected<std::string, Error> for_child(std::string_view reference, const KeyPolicy& policy) {
  const std::string name(reference.substr(2, reference.size() - 3));
  if (!name.starts_with("file:") && !policy.allowed_variables.contains(name)) {
    return std::unexpected(Error{.code = error_code::variable_not_allowed,
                                 .category = Category::auth,
                                 .message = "the variable " + name + " may not be read; see --allow-env"});
  }
  return read_reference(name, policy);
}

}  // namespace

std::expected<ResolvedText, Error> resolve_mcp_value(std::string_view value, const BaseUrl& to,
                                                     const KeyPolicy& policy) {
  return resolve_references(value, [&](std::string_view reference) {
    return to.host.empty() ? for_child(reference, policy) : resolve_key(reference, {}, to, policy);
  });
}

}  // namespace aiw
