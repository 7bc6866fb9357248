// What is known of providers by their id, as data: which wire API they speak, where, and which variable holds their
// key.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/config.hpp"

namespace aiw {

struct ProviderDefaults {
  std::string_view id;
  Api api;
  std::string_view base_url;  // empty: the config must give one; {region} stands for the config's region
  std::string_view key_variable;
  bool aggregator = false;  // serves models that no config lists
};

std::span<const ProviderDefaults> provider_defaults();
// nullptr for an id that is not known; such a provider speaks openai-chat at its baseUrl.
const ProviderDefaults* find_provider_defaults(std::string_view id);
// The one whose base URL has this host; nullptr if there is none.
const ProviderDefaults* find_provider_by_host(std::string_view host);
// The one whose key, or one of whose keys, stands in this environment variable; nullptr if there is none.
const ProviderDefaults* find_provider_by_variable(std::string_view variable);
// Whether `host` is the provider's own, in any region.
bool is_provider_host(const ProviderDefaults& provider, std::string_view host);
// The provider's base URL in a region.
std::string expand_base_url(const ProviderDefaults& provider, std::string_view region);

// How an API shows its key unless the config says otherwise.
Auth default_auth(Api api);

}  // namespace aiw
