#include "worker/providers/provider_defaults.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "worker/base/url.hpp"

using namespace aiw;

TEST_CASE("the table of providers is sound") {
  std::set<std::string_view> ids;
  for (const ProviderDefaults& provider : provider_defaults()) {
    CAPTURE(provider.id);
    CHECK(ids.insert(provider.id).second);
    CHECK_FALSE(provider.base_url.ends_with('/'));
    if (provider.base_url.empty()) continue;
    const auto url = parse_base_url(expand_base_url(provider, "eu-west-1"));
    REQUIRE(url);
    // Only a server on this machine needs no key, and no key goes anywhere unencrypted.
    CHECK(is_loopback(url->host) == provider.key_variable.empty());
    CHECK(is_loopback(url->host) != url->https);
    CHECK(is_provider_host(provider, url->host));
  }
}

TEST_CASE("quirks are found by what is known of a provider") {
  const auto* openai = find_provider_defaults("openai");
  const auto* mistral = find_provider_by_host("api.mistral.ai");
  REQUIRE(openai != nullptr);
  REQUIRE(mistral != nullptr);
  CHECK(chat_quirks(Api::openai_chat, openai).max_tokens == "max_completion_tokens");
  CHECK(chat_quirks(Api::openai_chat, mistral).seed == "random_seed");
  CHECK(chat_quirks(Api::openai_chat, nullptr).max_tokens == "max_tokens");
  CHECK(chat_quirks(Api::openai_chat, find_provider_defaults("together")).top_k);
  CHECK_FALSE(chat_quirks(Api::azure_openai, nullptr).top_k);
  CHECK(find_provider_by_host("localhost") == nullptr);  // says nothing about which server it is
}

TEST_CASE("the documentation lists every provider with its variable") {
  std::ifstream file(AIW_SOURCE_DIR "/docs/providers.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  for (const ProviderDefaults& provider : provider_defaults()) {
    CAPTURE(provider.id);
    const std::size_t at = page.find("`" + std::string(provider.id) + "`");
    REQUIRE(at != std::string::npos);
    const auto row = page.substr(at, page.find('\n', at) - at);
    CHECK(row.find(to_string(provider.api)) != std::string::npos);
    CHECK(row.find(provider.key_variable) != std::string::npos);
    if (provider.base_url.find('{') == std::string::npos) CHECK(row.find(provider.base_url) != std::string::npos);
  }
}
