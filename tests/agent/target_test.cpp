#include "worker/agent/target.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "worker/providers/provider_defaults.hpp"

using namespace aiw;

namespace {

ProviderConfig provider(std::string id, std::string base_url, std::vector<std::string> models) {
  ProviderConfig provider;
  provider.id = std::move(id);
  provider.base_url = std::move(base_url);
  provider.api_key = "k-literal";
  for (auto& model : models)
    provider.models.push_back({.id = std::move(model), .name = {}, .max_tokens = {}, .script = {}});
  return provider;
}

Config two_providers() {
  Config config;
  config.providers = {provider("first", "https://first.example/v1", {"a", "b"}),
                      provider("second", "https://second.example", {"c", "d"})};
  config.providers[1].models[1].is_default = true;
  return config;
}

struct Asked {
  std::string provider_id;
  std::string model_id;
  std::string model;
  std::string caller = {};
};

std::expected<Target, Error> resolve(const Config& config, const Asked& asked = {}, const KeyPolicy& keys = {}) {
  ChatRequest chat;
  chat.provider_id = asked.provider_id;
  chat.model_id = asked.model_id;
  chat.model = asked.model;
  chat.caller_key_id = asked.caller;
  return resolve_target(chat, config, keys);
}

// "provider model shown", or "!" and the error's code.
std::string answer(const Config& config, const Asked& asked = {}) {
  const auto target = resolve(config, asked);
  if (!target) return "!" + target.error().code;
  return target->provider_id + " " + target->model + " " + target->shown_as;
}

// The error of a config with one provider of this base URL.
std::string answer_for_url(std::string base_url, std::string key = "k-literal") {
  Config config;
  config.providers = {provider("p", std::move(base_url), {"m"})};
  config.providers[0].api_key = std::move(key);
  return answer(config);
}

}  // namespace

TEST_CASE("the provider and model that a chat leaves open") {
  Config config = two_providers();
  CHECK(answer(config) == "first a a");
  CHECK(answer(config, {"second", "", ""}) == "second d d");
  CHECK(answer(config, {"second", "c", ""}) == "second c c");
  CHECK(answer(config, {"", "b", ""}) == "first b b");
  config.settings.default_provider_id = "second";
  CHECK(answer(config) == "second d d");
  config.settings.default_model_id = "c";
  CHECK(answer(config) == "second c c");
  CHECK(answer(config, {"first", "", ""}) == "first a a");
}

TEST_CASE("several keys for one host tell accounts apart, without showing them") {
  Config config = two_providers();
  config.providers[1].base_url = "https://FIRST.example/other";
  CHECK(resolve(config)->account.empty());  // the same key twice
  config.providers[1].api_key = "k-other";
  const std::string first = resolve(config)->account, second = resolve(config, {"second", "", ""})->account;
  CHECK(first.size() == 8);
  CHECK(second.size() == 8);
  CHECK(first != second);
  CHECK_FALSE(std::string("k-literal").contains(first));
  config.providers[1].base_url = "https://second.example";
  CHECK(resolve(config)->account.empty());
}

TEST_CASE("a model may be written as provider/model, with more slashes in the model") {
  CHECK(answer(two_providers(), {"", "", "second/c"}) == "second c c");
  CHECK(answer(two_providers(), {"first", "a", "second/c"}) == "second c c");
  Config config;
  config.providers = {provider("openrouter", "", {})};
  CHECK(answer(config, {"", "", "openrouter/vendor/name:free"}) == "openrouter vendor/name:free vendor/name:free");
}

TEST_CASE("what is not there is named") {
  const auto missing = [](const Config& config, const Asked& asked, std::string_view code, std::string_view name,
                          std::string_view pointer) {
    const auto target = resolve(config, asked);
    REQUIRE(!target);
    CHECK(target.error().code == code);
    CHECK(target.error().category == Category::not_found);
    CHECK(target.error().message.find(name) != std::string::npos);
    CHECK(target.error().pointer == pointer);
  };
  missing(two_providers(), {"nobody", "", ""}, "provider_not_found", "nobody", "/payload/providerId");
  missing(two_providers(), {"", "", "nobody/x"}, "provider_not_found", "nobody", "/payload/providerId");
  missing(two_providers(), {"first", "nothing", ""}, "model_not_found", "nothing", "/payload/modelId");
  missing(two_providers(), {"", "", "no-slash"}, "model_not_found", "no-slash", "/payload/model");
  missing(Config{}, {}, "provider_not_found", "no providers", "/payload/providerId");
}

TEST_CASE("a model's name cannot leave its place in a URL's path") {
  for (const Api api :
       {Api::gemini_generate, Api::vertex, Api::bedrock_converse, Api::bedrock_invoke, Api::azure_openai}) {
    Config config;
    config.providers = {provider("p", "https://p.example", {})};
    config.providers[0].type = api;
    for (const char* model :
         {"..", ".", "../../v1/files", "a/../../x", "models/..", "%2e%2E/x", ".%2e", "../claude-x"}) {
      CAPTURE(model);
      const auto target = resolve(config, {"p", model, ""});
      REQUIRE(!target);
      CHECK(target.error().code == "invalid_request");
      CHECK(target.error().pointer == "/payload/modelId");
    }
    for (const char* model :
         {"a", "a..b", "...", "models/gemini-2.5", "publishers/x/models/y", "a.b/.c", "eu.x-v1:0"}) {
      CAPTURE(model);
      CHECK(resolve(config, {"p", model, ""}));
    }
    config.providers[0].models.push_back({.id = "../x", .name = {}, .max_tokens = {}, .script = {}});
    CHECK(resolve(config).error().pointer == "/payload/config/providers");
  }
  // Others name the model in the body: a server on this machine may take a file's path.
  Config config;
  config.providers = {provider("p", "https://p.example", {})};
  CHECK(answer(config, {"p", "../models/a.gguf", ""}) == "p ../models/a.gguf ../models/a.gguf");
}

TEST_CASE("a key that no header may have is refused, also one that signs") {
  for (const auto member : {&ProviderConfig::api_key, &ProviderConfig::access_key_id,
                            &ProviderConfig::secret_access_key, &ProviderConfig::session_token}) {
    for (const char end : {'\r', '\n', '\0'}) {
      Config config;
      config.providers = {provider("p", "https://p.example", {"m"})};
      config.providers[0].type = Api::bedrock_converse;
      config.providers[0].access_key_id = "AKIA";
      config.providers[0].secret_access_key = "secret";
      CHECK(resolve(config));
      config.providers[0].*member = std::string("key") + end + "x";
      const auto target = resolve(config);
      REQUIRE(!target);
      CHECK(target.error().code == "invalid_request");
      CHECK(target.error().category == Category::invalid_request);
      CHECK(target.error().pointer == "/payload/config/providers");
      CHECK(target.error().message.contains("has characters that no header may have"));
    }
  }
}

TEST_CASE("a list of models is binding, unless it is empty or the provider an aggregator") {
  Config config;
  config.providers = {provider("p", "https://p.example", {})};
  CHECK(answer(config, {"p", "any", ""}) == "p any any");
  CHECK(answer(config) == "!model_not_found");
  config.providers = {provider("openrouter", "", {"listed"})};
  CHECK(answer(config, {"", "unlisted", ""}) == "openrouter unlisted unlisted");
  config.providers = {provider("openai", "", {"listed"})};
  CHECK(answer(config, {"", "unlisted", ""}) == "!model_not_found");
}

TEST_CASE("an alias hides its upstream and minds who asks") {
  Config config = two_providers();
  config.aliases = {{"fast", "second/c", true, {}},
                    {"off", "second/c", false, {}},
                    {"vip", "first/a", true, {"alice", "bob"}},
                    {"all", "first/a", true, {"alice", "*"}},
                    {"bad", "noslash", true, {}}};
  CHECK(answer(config, {"", "", "fast"}) == "second c fast");
  CHECK(answer(config, {"", "", "off"}) == "!model_disabled");
  CHECK(answer(config, {"", "", "vip"}) == "!model_not_allowed");
  CHECK(answer(config, {"", "", "vip", "carol"}) == "!model_not_allowed");
  CHECK(answer(config, {"", "", "vip", "bob"}) == "first a vip");
  CHECK(answer(config, {"", "", "all", "carol"}) == "first a all");
  CHECK(answer(config, {"", "", "bad"}) == "!invalid_request");
  config.aliases.push_back({"lost", "second/hidden", true, {}});
  CHECK(resolve(config, {"", "", "lost"}).error().message == "the upstream of the model lost is not in the config");
  const auto refused = resolve(config, {"", "", "vip", "carol"});
  CHECK(refused.error().category == Category::permission);
  CHECK(refused.error().message.find("first") == std::string::npos);
}

TEST_CASE("a provider's wire API and address come from the config, else from what is known of its id") {
  Config config;
  config.providers = {provider("anthropic", "", {"m"})};
  CHECK(resolve(config)->api == Api::anthropic_messages);
  CHECK(resolve(config)->base_url == "https://api.anthropic.com");
  config.providers = {provider("elsewhere", "https://e.example/v1//", {"m"})};
  CHECK(resolve(config)->api == Api::openai_chat);
  CHECK(resolve(config)->base_url == "https://e.example/v1");
  config.providers[0].type = Api::anthropic_messages;
  CHECK(resolve(config)->api == Api::anthropic_messages);
  config.providers = {provider("elsewhere", "", {"m"})};
  CHECK(answer(config) == "!invalid_request");
}

TEST_CASE("a key is shown as its wire API has it, unless the config says otherwise") {
  Config config;
  config.providers = {provider("p", "https://p.example", {"m"})};
  CHECK(resolve(config)->auth == Auth::bearer);
  config.providers[0].type = Api::anthropic_messages;
  CHECK(resolve(config)->auth == Auth::x_api_key);
  config.providers[0].auth = Auth::bearer;
  CHECK(resolve(config)->auth == Auth::bearer);
  config.providers[0].auth.reset();
  config.providers[0].type = Api::azure_openai;
  CHECK(resolve(config)->auth == Auth::api_key);
}

TEST_CASE("a region makes the address, and keys for signatures are resolved like others") {
  Config config;
  config.providers = {provider("bedrock", "", {"m"})};
  ProviderConfig& bedrock = config.providers[0];
  bedrock.region = "eu-central-1";
  CHECK(resolve(config)->base_url == "https://bedrock-runtime.eu-central-1.amazonaws.com");
  CHECK(resolve(config)->auth == Auth::bearer);
  bedrock.access_key_id = "AKID";
  bedrock.secret_access_key = "${AWS_SECRET_ACCESS_KEY}";
  KeyPolicy keys;
  keys.read_variable = [](const std::string& name) { return std::optional("value of " + name); };
  const auto target = resolve(config, {}, keys);
  REQUIRE(target);
  CHECK(target->auth == Auth::sigv4);
  CHECK(target->aws.access_key_id == "AKID");
  CHECK(target->aws.secret_access_key == "value of AWS_SECRET_ACCESS_KEY");
  CHECK(target->region == "eu-central-1");
  bedrock.base_url = "https://bedrock-runtime.eu-central-1.amazonaws.com.attacker.example";
  CHECK(resolve(config, {}, keys).error().code == "host_not_allowed");
}

TEST_CASE("fault 97: no reference stands within credentials, whose parts go to others than the provider") {
  Config config;
  config.providers = {provider("vertex", "https://first.example/v1", {"a"})};
  for (const char* credentials :
       {R"({"token_uri":"https://${OPENAI_API_KEY}.example"})", "x${OPENAI_API_KEY}", "${A}${B}"}) {
    CAPTURE(credentials);
    config.providers[0].credentials = credentials;
    const auto target = resolve(config);
    REQUIRE_FALSE(target);
    CHECK(target.error().code == "invalid_request");
    CHECK(target.error().message.find("one reference or a literal") != std::string::npos);
  }
}

TEST_CASE("what is known of a provider is found by its host too") {
  Config config;
  config.providers = {provider("mine", "https://api.mistral.ai/v1", {"m"})};
  REQUIRE(resolve(config)->known != nullptr);
  CHECK(resolve(config)->known->id == "mistral");
  config.providers[0].base_url = "https://api.mistral.ai.example/v1";
  CHECK(resolve(config)->known == nullptr);
}

TEST_CASE("a base URL that could mislead is refused without repeating it") {
  for (const std::string url : {"https://user:pass-w0rd@p.example", "https://p.example/#pass-w0rd",
                                "https://p.example\\pass-w0rd", "https://p.example/a pass-w0rd",
                                "https://p.example\r\nX: pass-w0rd", "ftp://p.example", "p.example", "https:///"}) {
    CAPTURE(url);
    Config config;
    config.providers = {provider("p", url, {"m"})};
    const auto target = resolve(config);
    REQUIRE(!target);
    CHECK(target.error().code == "invalid_request");
    CHECK(target.error().message.find("pass-w0rd") == std::string::npos);
    CHECK(target.error().pointer == "/payload/config/providers");
  }
}

TEST_CASE("a key or header that would end its line is refused without repeating it") {
  Config config;
  config.providers = {provider("p", "https://p.example", {"m"})};
  for (const std::string bad : {"k3y\r\nX-Evil: 1", "k3y\n", "k3y\x01", "k3y\x7F"}) {
    config.providers[0].api_key = bad;
    auto target = resolve(config);
    REQUIRE(!target);
    CHECK(target.error().code == "invalid_request");
    CHECK(target.error().message.find("k3y") == std::string::npos);
    config.providers[0].api_key = "";
    config.providers[0].headers = {{"X-Own", bad}};
    target = resolve(config);
    REQUIRE(!target);
    CHECK(target.error().message.find("k3y") == std::string::npos);
    config.providers[0].headers.clear();
  }
  for (const std::string name : {"", "X Own", "X:Own", "X\r\nOwn"}) {
    config.providers[0].headers = {{name, "v"}};
    CHECK(answer(config) == "!invalid_request");
  }
}

TEST_CASE("a key goes over plain http to this machine only") {
  CHECK(answer_for_url("http://p.example") == "!insecure_url");
  CHECK(answer_for_url("http://10.0.0.1:8000/v1") == "!insecure_url");
  CHECK(answer_for_url("http://localhost.p.example") == "!insecure_url");
  CHECK(answer_for_url("https://p.example/v1?key=1") == "!invalid_request");
  CHECK(answer_for_url("http://127.0.0.256/v1") == "!insecure_url");
  CHECK(answer_for_url("http://localhost:8000/v1") == "p m m");
  CHECK(answer_for_url("http://127.0.0.1:8000") == "p m m");
  CHECK(answer_for_url("http://[::1]:8000") == "p m m");
  CHECK(answer_for_url("http://p.example", "") == "p m m");
  Config config;
  config.providers = {provider("p", "http://p.example", {"m"})};
  config.providers[0].api_key = "";
  config.providers[0].headers = {{"X-Token", "t"}};
  CHECK(answer(config) == "!insecure_url");
}

TEST_CASE("fault 97: whatever secret a provider's entry has, it goes over plain http to this machine only") {
  const std::pair<std::string ProviderConfig::*, const char*> secrets[] = {
      {&ProviderConfig::api_key, "key"},         {&ProviderConfig::credentials, "{}"},
      {&ProviderConfig::access_key_id, "AKIA"},  {&ProviderConfig::secret_access_key, "secret"},
      {&ProviderConfig::session_token, "token"},
  };
  for (const auto& [member, value] : secrets) {
    CAPTURE(value);
    Config config;
    config.providers = {provider("p", "http://p.example", {"m"})};
    config.providers[0].api_key = "";
    config.providers[0].*member = value;
    CHECK(answer(config) == "!insecure_url");
    config.providers[0].base_url = "http://127.0.0.1:1";
    CHECK(answer(config) == "p m m");
  }
}

TEST_CASE("the config's headers are secrets, and their variables follow the key's rules") {
  Config config;
  config.providers = {provider("openai", "https://evil.example", {"m"})};
  config.providers[0].headers = {{"X-Token", "t"}};
  const auto target = resolve(config);
  REQUIRE(target);
  REQUIRE(target->headers.size() == 1);
  CHECK(target->headers[0].secret);
  CHECK(target->api_key == "k-literal");
  config.providers[0].headers = {{"X-Token", "${OPENAI_API_KEY}"}};
  CHECK(answer(config) == "!host_not_allowed");
  config.providers[0].headers = {{"X-Token", "Bearer ${OPENAI_API_KEY}"}};
  CHECK(answer(config) == "!host_not_allowed");
}
