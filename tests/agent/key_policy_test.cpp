#include "worker/agent/key_policy.hpp"

#include <doctest/doctest.h>

#include <map>
#include <vector>

using namespace aiw;

namespace {

constexpr std::string_view kSecret = "s3cr3t-value";

KeyPolicy policy() {
  KeyPolicy policy;
  policy.read_variable = [](const std::string& name) -> std::optional<std::string> {
    const std::map<std::string, std::string> variables = {
        {"OPENAI_API_KEY", std::string(kSecret)}, {"ANTHROPIC_API_KEY", "anthropic"}, {"MINE", "mine\r\n"}};
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  policy.read_file = [](const std::string& path) -> std::expected<std::string, SecretFileFault> {
    if (!path.starts_with("/run/") && path != "/gone") return std::unexpected(SecretFileFault::not_allowed);
    if (path == "/run/empty") return " \n";
    if (path != "/run/key") return std::unexpected(SecretFileFault::unreadable);
    return std::string(kSecret) + "\n";
  };
  return policy;
}

// The key, or "!" and the error's code.
std::string resolve(std::string_view key, std::string_view provider, std::string_view host, const KeyPolicy& keys) {
  const auto resolved = resolve_key(key, provider, host, keys);
  if (resolved) return *resolved;
  CHECK(resolved.error().category == Category::auth);
  CHECK(resolved.error().provider == provider);
  CHECK(!resolved.error().retryable);
  CHECK(resolved.error().message.find(kSecret) == std::string::npos);
  return "!" + resolved.error().code;
}

}  // namespace

TEST_CASE("a key that the config brings itself goes wherever the config says") {
  for (const std::string key : {"", "sk-123", "$HOME", "pre${OPENAI_API_KEY}", "${OPENAI_API_KEY}post", "${OPENAI"}) {
    CHECK(resolve(key, "p", "evil.example", policy()) == key);
  }
}

TEST_CASE("a known provider's variable goes to that provider's host only") {
  const std::string key = "${OPENAI_API_KEY}";
  CHECK(resolve(key, "openai", "api.openai.com", policy()) == kSecret);
  CHECK(resolve(key, "whatever", "api.openai.com", policy()) == kSecret);
  CHECK(resolve(key, "openai", "evil.example", policy()) == "!host_not_allowed");
  CHECK(resolve(key, "openai", "api.openai.com.evil.example", policy()) == "!host_not_allowed");
  CHECK(resolve(key, "openai", "api.anthropic.com", policy()) == "!host_not_allowed");
  CHECK(resolve(key, "openai", "", policy()) == "!host_not_allowed");
  KeyPolicy allowing = policy();
  allowing.allowed_hosts = {"gateway.example"};
  CHECK(resolve(key, "openai", "gateway.example", allowing) == kSecret);
  CHECK(resolve(key, "openai", "evil.example", allowing) == "!host_not_allowed");
}

TEST_CASE("other variables need an allowance, and a host that has one") {
  KeyPolicy keys = policy();
  CHECK(resolve("${MINE}", "openai", "api.openai.com", keys) == "!variable_not_allowed");
  CHECK(resolve("${}", "openai", "api.openai.com", keys) == "!variable_not_allowed");
  keys.allowed_variables = {"MINE"};
  CHECK(resolve("${MINE}", "openai", "api.openai.com", keys) == "!host_not_allowed");
  keys.allowed_hosts = {"mine.example"};
  CHECK(resolve("${MINE}", "p", "mine.example", keys) == "mine");
}

TEST_CASE("a file's key goes to the host of the provider that names it") {
  KeyPolicy keys = policy();
  CHECK(resolve("${file:/run/key}", "openai", "api.openai.com", keys) == kSecret);
  CHECK(resolve("${file:/run/key}", "openai", "evil.example", keys) == "!host_not_allowed");
  CHECK(resolve("${file:/run/key}", "unknown", "api.openai.com", keys) == "!host_not_allowed");
  CHECK(resolve("${file:/run/empty}", "openai", "api.openai.com", keys) == "!missing_key");
  CHECK(resolve("${file:/gone}", "openai", "api.openai.com", keys) == "!missing_key");
  CHECK(resolve("${file:/etc/passwd}", "openai", "api.openai.com", keys) == "!file_not_allowed");
  keys.allowed_hosts = {"mine.example"};
  CHECK(resolve("${file:/run/key}", "unknown", "mine.example", keys) == kSecret);
}

TEST_CASE("references stand anywhere in a value, and what they bring is not looked into") {
  const auto resolve = [](std::string_view reference) -> std::expected<std::string, Error> {
    if (reference == "${A}") return "a${B}";
    return std::unexpected(Error{.code = "missing_key"});
  };
  CHECK(resolve_references("Bearer ${A}, ${A}.", resolve)->text == "Bearer a${B}, a${B}.");
  CHECK(resolve_references("x${A}${A}y", resolve)->keys == std::vector<std::string>{"a${B}", "a${B}"});
  CHECK(resolve_references("none", resolve)->keys.empty());
  const auto long_key = [](std::string_view) -> std::expected<std::string, Error> {
    return std::string(64 << 10, 'k');
  };
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "${A}";
  CHECK(resolve_references(many, long_key).error().code == "invalid_request");
  CHECK(resolve_references("none", resolve)->text == "none");
  CHECK(resolve_references("${A", resolve)->text == "${A");
  CHECK(resolve_references("${C}", resolve).error().code == "missing_key");
}

TEST_CASE("a variable that is not set is named, nothing else is") {
  const auto missing = resolve_key("${GROQ_API_KEY}", "groq", "api.groq.com", policy());
  REQUIRE(!missing);
  CHECK(missing.error().code == "missing_key");
  CHECK(missing.error().message.find("GROQ_API_KEY") != std::string::npos);
}

TEST_CASE("a trusted config may name any variable, in the middle of a string too, for the host beside it") {
  KeyPolicy keys = policy();
  keys.trust_config = true;
  CHECK(resolve("${MINE}", "p", "any.example", keys) == "mine");
  CHECK(resolve("a ${MINE} ${OPENAI_API_KEY}", "p", "any.example", keys) == "mine");
  CHECK(resolve("${file:/run/key}", "p", "any.example", keys) == kSecret);
  CHECK(resolve("${file:/etc/passwd}", "p", "any.example", keys) == "!file_not_allowed");
  CHECK(resolve("${GONE}", "p", "any.example", keys) == "!missing_key");
  CHECK(resolve("${MINE", "p", "any.example", keys) == "${MINE");
}
