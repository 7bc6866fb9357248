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
    if (!path.starts_with("/run/")) return std::unexpected(SecretFileFault::not_allowed);
    if (path.ends_with("empty")) return " \n";
    const auto name = path.substr(path.rfind('/') + 1);
    if (name == "none") return std::unexpected(SecretFileFault::unreadable);
    return std::string(kSecret) + "\n";
  };
  return policy;
}

// The key, or "!" and the error's code.
std::string resolve(std::string_view key, std::string_view provider, std::string_view host, const KeyPolicy& keys) {
  const auto resolved = resolve_key(key, provider, {.https = true, .host = std::string(host), .port = {}}, keys);
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

TEST_CASE("fault 97: a file's key goes to the host of the provider that the file is named after") {
  KeyPolicy keys = policy();
  for (const std::string file :
       {"openai", "OPENAI_API_KEY", "openai-key.txt", "openai/key", "openai/./key", "x/openai//key"}) {
    CAPTURE(file);
    const std::string key = "${file:/run/" + file + "}";
    CHECK(resolve(key, "openai", "api.openai.com", keys) == kSecret);
    CHECK(resolve(key, "whatever", "api.openai.com", keys) == kSecret);
    CHECK(resolve(key, "anthropic", "api.anthropic.com", keys) == "!host_not_allowed");
    CHECK(resolve(key, "openai", "evil.example", keys) == "!host_not_allowed");
  }
  for (const std::string file :
       {"key", "openais", "my-openai", "openai/anthropic", "openai/x/key", "openai/../key", ""}) {
    CAPTURE(file);
    CHECK(resolve("${file:/run/" + file + "}", "openai", "api.openai.com", keys) == "!host_not_allowed");
  }
  CHECK(resolve("${file:/run/google-account.json}", "v", "us-east5-aiplatform.googleapis.com", keys) == kSecret);
  CHECK(resolve("${file:/run/aws_secret_access_key}", "b", "bedrock-runtime.eu-west-1.amazonaws.com", keys) == kSecret);
  CHECK(resolve("${file:/run/openai-empty}", "openai", "api.openai.com", keys) == "!missing_key");
  CHECK(resolve("${file:/run/openai/none}", "openai", "api.openai.com", keys) == "!missing_key");
  CHECK(resolve("${file:/etc/openai}", "openai", "api.openai.com", keys) == "!file_not_allowed");
  keys.allowed_hosts = {"mine.example"};
  CHECK(resolve("${file:/run/key}", "unknown", "mine.example", keys) == kSecret);
}

TEST_CASE("fault 97: a key that a reference brings goes to this machine only where a host or port is allowed") {
  const auto at = [](std::string_view key, const std::string& url, const AllowedHosts& hosts) {
    KeyPolicy keys = policy();
    keys.allowed_variables = {"MINE"};
    keys.allowed_hosts = hosts;
    const auto resolved = resolve_key(key, "ollama", *parse_base_url(url), keys);
    return resolved ? std::string("sent") : resolved.error().code;
  };
  for (const std::string_view key : {"${file:/run/ollama}", "${file:/run/vllm/key}", "${file:/run/key}", "${MINE}"}) {
    CAPTURE(key);
    for (const std::string host : {"localhost", "127.0.0.1", "127.1.2.3", "[::1]"}) {
      CHECK(at(key, "http://" + host + ":11434/v1", {}) == "host_not_allowed");
      CHECK(at(key, "http://" + host + "/v1", {}) == "host_not_allowed");
    }
    CHECK(at(key, "http://localhost:8000/v1", {"localhost"}) == "sent");
    CHECK(at(key, "http://localhost:8000/v1", {"localhost:8000"}) == "sent");
    CHECK(at(key, "http://localhost:8001/v1", {"localhost:8000"}) == "host_not_allowed");
    CHECK(at(key, "http://127.0.0.1:8000/v1", {"localhost:8000"}) == "host_not_allowed");
    CHECK(at(key, "http://[::1]:8000/v1", {"[::1]:8000"}) == "sent");
    CHECK(at(key, "http://[::1]:8000/v1", {"::1"}) == "sent");
    CHECK(at(key, "https://mine.example/v1", {"mine.example:443"}) == "sent");
    CHECK(at(key, "http://localhost/v1", {"localhost:80"}) == "sent");
    CHECK(at(key, "https://mine.example:8443/v1", {"mine.example:443"}) == "host_not_allowed");
  }
  CHECK(at("k-literal", "http://localhost:9999/v1", {}) == "sent");
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

TEST_CASE("a value has few references") {
  int asked = 0;
  const auto resolve = [&](std::string_view) -> std::expected<std::string, Error> {
    ++asked;
    return "k";
  };
  std::string value;
  for (std::size_t i = 0; i < kMaxReferences; ++i) value += "${A}";
  CHECK(resolve_references(value, resolve)->text == std::string(kMaxReferences, 'k'));
  asked = 0;
  for (int i = 0; i < 100'000; ++i) value += "${A}";
  const auto refused = resolve_references(value, resolve);
  REQUIRE(!refused);
  CHECK(refused.error().category == Category::invalid_request);
  CHECK(refused.error().message == "a value may have at most 16 references (${NAME}, ${file:PATH})");
  CHECK(asked == static_cast<int>(kMaxReferences));
}

TEST_CASE("one request reads each variable and file once, and has a limit on all of its references") {
  KeyPolicy counted = policy();
  int reads = 0;
  counted.allowed_hosts = {"h.example"};
  counted.read_file = [&](const std::string& path) -> std::expected<std::string, SecretFileFault> {
    ++reads;
    return path == "/run/none"
               ? std::expected<std::string, SecretFileFault>(std::unexpected(SecretFileFault::unreadable))
               : std::string(path == "/run/long" ? 64 << 10 : 1, 'k');
  };
  const KeyPolicy keys = for_request(counted);
  for (int i = 0; i < 3; ++i) {
    CHECK(resolve("${file:/run/a}", "p", "h.example", keys) == "k");
    CHECK(resolve("${file:/run/none}", "p", "h.example", keys) == "!missing_key");
  }
  CHECK(reads == 2);
  CHECK(resolve("${file:/run/a}", "p", "evil.example", keys) == "!host_not_allowed");
  CHECK(resolve("${file:/run/a}", "p", "h.example", for_request(counted)) == "k");
  CHECK(reads == 3);  // another request reads it again

  const BaseUrl to{.https = true, .host = "h.example", .port = {}};
  const KeyPolicy many = for_request(counted);
  for (std::size_t i = 0; i < kMaxRequestReferences; ++i) REQUIRE(resolve_key("${file:/run/a}", "p", to, many));
  CHECK(resolve_key("${file:/run/a}", "p", to, many).error().message ==
        "a request may have at most 1024 references (${NAME}, ${file:PATH}), counted for each model that uses them");
  const KeyPolicy large = for_request(counted);
  for (int i = 0; i < 64; ++i) REQUIRE(resolve_key("${file:/run/long}", "p", to, large));
  CHECK(resolve_key("${file:/run/long}", "p", to, large).error().code == "invalid_request");
  counted.trust_config = true;
  const KeyPolicy trusted = for_request(counted);
  for (int i = 0; i < 64; ++i) REQUIRE(resolve_trusted_key("${file:/run/long}", "p", trusted));
  CHECK(resolve_trusted_key("${file:/run/long}", "p", trusted).error().code == "invalid_request");
}

TEST_CASE("a variable that is not set is named, nothing else is") {
  const auto missing = resolve_key("${GROQ_API_KEY}", "groq", {true, "api.groq.com", {}}, policy());
  REQUIRE(!missing);
  CHECK(missing.error().code == "missing_key");
  CHECK(missing.error().message.find("GROQ_API_KEY") != std::string::npos);
}

TEST_CASE("a trusted entry may name any variable, in the middle of a string too") {
  const auto trusted = [](std::string_view key) {
    const auto resolved = resolve_trusted_key(key, "p", policy());
    return resolved ? *resolved : "!" + resolved.error().code;
  };
  CHECK(trusted("${MINE}") == "mine");
  CHECK(trusted("a ${MINE} ${OPENAI_API_KEY}") == "mine");
  CHECK(trusted("${file:/run/key}") == kSecret);
  CHECK(trusted("${file:/etc/passwd}") == "!file_not_allowed");
  CHECK(trusted("${GONE}") == "!missing_key");
  CHECK(trusted("${MINE") == "${MINE");
}
