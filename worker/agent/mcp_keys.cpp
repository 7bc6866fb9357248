#include "worker/agent/mcp_keys.hpp"

namespace aiw {
namespace {

std::expected<std::string, Error> for_child(std::string_view reference, const KeyPolicy& policy) {
  const std::string name(reference.substr(2, reference.size() - 3));
  if (name.starts_with("file:")) {
    KeyPolicy files = policy;
    files.trust_config = true;  // no host is involved
    return resolve_key(reference, {}, {}, files);
  }
  if (!policy.trust_config && !policy.allowed_variables.contains(name)) {
    return std::unexpected(Error{.code = "variable_not_allowed",
                                 .category = Category::auth,
                                 .message = "the variable " + name + " may not be read; see --allow-env"});
  }
  auto value = policy.read_variable(name);
  if (value) return *std::move(value);
  return std::unexpected(
      Error{.code = "missing_key", .category = Category::auth, .message = "the variable " + name + " is not set"});
}

}  // namespace

std::expected<std::string, Error> resolve_mcp_value(std::string_view value, std::string_view host,
                                                    const KeyPolicy& policy) {
  std::string out;
  while (true) {
    const auto begin = value.find("${");
    const auto end = begin == std::string_view::npos ? begin : value.find('}', begin);
    if (end == std::string_view::npos) return out.append(value);
    const auto reference = value.substr(begin, end + 1 - begin);
    auto key = host.empty() ? for_child(reference, policy) : resolve_key(reference, {}, host, policy);
    if (!key) return key;
    out.append(value.substr(0, begin)).append(*key);
    value.remove_prefix(end + 1);
  }
}

}  // namespace aiw
