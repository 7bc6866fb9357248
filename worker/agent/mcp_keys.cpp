#include "worker/agent/mcp_keys.hpp"

namespace aiw {
namespace {

std::expected<std::string, Error> for_child(std::string_view reference, const KeyPolicy& policy) {
  constexpr std::string_view kFile = "file:";
  const std::string name(reference.substr(2, reference.size() - 3));
  if (name.starts_with(kFile)) return read_key_file(name.substr(kFile.size()), policy);
  if (!policy.allowed_variables.contains(name)) {
    return std::unexpected(Error{.code = "variable_not_allowed",
                                 .category = Category::auth,
                                 .message = "the variable " + name + " may not be read; see --allow-env"});
  }
  auto value = policy.read_variable(name);
  if (value) return *std::move(value);
  return std::unexpected(Error{
      .code = "missing_key", .category = Category::auth, .message = "the variable " + name + " is not set, or empty"});
}

}  // namespace

std::expected<ResolvedText, Error> resolve_mcp_value(std::string_view value, const BaseUrl& to,
                                                     const KeyPolicy& policy) {
  return resolve_references(value, [&](std::string_view reference) {
    return to.host.empty() ? for_child(reference, policy) : resolve_key(reference, {}, to, policy);
  });
}

}  // namespace aiw
