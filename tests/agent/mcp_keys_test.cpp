#include "worker/agent/mcp_keys.hpp"

#include <doctest/doctest.h>

using namespace aiw;

namespace {

KeyPolicy policy() {
  KeyPolicy policy;
  policy.allowed_variables = {"MINE", "NESTED", "UNSET"};
  policy.allowed_hosts = {"mcp.example"};
  policy.read_variable = [](const std::string& name) -> std::optional<std::string> {
    if (name == "OPENAI_API_KEY") return "sk-openai";
    if (name == "MINE") return "mine";
    if (name == "NESTED") return "${MINE}";
    return std::nullopt;
  };
  policy.read_file = [](const std::string& path) -> std::expected<std::string, SecretFileFault> {
    if (!path.starts_with("/run/")) return std::unexpected(SecretFileFault::not_allowed);
    if (path == "/run/key") return "from-file\n";
    return std::unexpected(SecretFileFault::unreadable);
  };
  return policy;
}

// The value, or "!" and the error's code.
std::string resolve(std::string_view value, std::string_view host, const KeyPolicy& keys = policy()) {
  const auto resolved = resolve_mcp_value(value, {.https = true, .host = std::string(host), .port = {}}, keys);
  if (resolved) return resolved->text;
  CHECK(resolved.error().category == Category::auth);
  return "!" + resolved.error().code;
}

}  // namespace

TEST_CASE("mcp keys: references stand anywhere in a value, and what they bring is not looked into") {
  for (const std::string host : {"", "mcp.example"}) {
    CHECK(resolve("plain", host) == "plain");
    CHECK(resolve("", host).empty());
    CHECK(resolve("Bearer ${MINE}", host) == "Bearer mine");
    CHECK(resolve("${MINE}:${file:/run/key}!", host) == "mine:from-file!");
    CHECK(resolve("${NESTED}", host) == "${MINE}");
    CHECK(resolve("${MINE", host) == "${MINE");
    CHECK(resolve("$MINE {MINE}", host) == "$MINE {MINE}");
    CHECK(resolve("${UNSET}", host) == "!missing_key");
    CHECK(resolve("${OTHER}", host) == "!variable_not_allowed");
    CHECK(resolve("a ${MINE} ${OTHER}", host) == "!variable_not_allowed");
    CHECK(resolve("${file:/run/none}", host) == "!missing_key");
    CHECK(resolve("${file:/etc/passwd}", host) == "!file_not_allowed");
  }
}

TEST_CASE("mcp keys: to a host they go as a provider's do, into a child only if they are named") {
  CHECK(resolve("${MINE}", "evil.example") == "!host_not_allowed");
  CHECK(resolve("${file:/run/key}", "evil.example") == "!host_not_allowed");
  CHECK(resolve("${OPENAI_API_KEY}", "evil.example") == "!host_not_allowed");
  CHECK(resolve("${OPENAI_API_KEY}", "api.openai.com") == "sk-openai");
  CHECK(resolve("${OPENAI_API_KEY}", "") == "!variable_not_allowed");
  KeyPolicy named = policy();
  named.allowed_variables.insert("OPENAI_API_KEY");
  CHECK(resolve("${OPENAI_API_KEY}", "", named) == "sk-openai");
}

TEST_CASE("mcp keys: a value has few references, and so has the whole request") {
  std::string many;
  for (int i = 0; i < 17; ++i) many += "${MINE}";
  for (const std::string host : {"", "mcp.example"}) {
    const BaseUrl to{.https = true, .host = host, .port = {}};
    CHECK(resolve_mcp_value(many, to, policy()).error().category == Category::invalid_request);
    const KeyPolicy policy_of_all = policy();
    const KeyPolicy keys = for_request(policy_of_all);
    for (std::size_t i = 0; i < kMaxRequestReferences; ++i) REQUIRE(resolve_mcp_value("${MINE}", to, keys));
    CHECK(resolve_mcp_value("${MINE}", to, keys).error().category == Category::invalid_request);
  }
}

TEST_CASE("fault 97: a dialect that trusts providers' entries trusts no MCP server's") {
  KeyPolicy trusting = policy();
  trusting.trust_config = true;
  CHECK(resolve("${OPENAI_API_KEY}", "", trusting) == "!variable_not_allowed");
  CHECK(resolve("${OTHER}", "", trusting) == "!variable_not_allowed");
  CHECK(resolve("${OTHER}", "evil.example", trusting) == "!variable_not_allowed");
  CHECK(resolve("${MINE}", "evil.example", trusting) == "!host_not_allowed");
  CHECK(resolve("${OPENAI_API_KEY}", "evil.example", trusting) == "!host_not_allowed");
  CHECK(resolve("${file:/run/key}", "evil.example", trusting) == "!host_not_allowed");
  CHECK(resolve("${MINE}", "mcp.example", trusting) == "mine");
}
