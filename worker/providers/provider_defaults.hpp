// What is known of providers by their id, as data: which wire API they speak, where, and which variable holds their
// key.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "protocol/config.hpp"

namespace aiw {

struct ProviderDefaults {
  std::string_view id;
  Api api;
  std::string_view base_url;  // empty: the config must give one
  std::string_view key_variable;
  bool aggregator = false;  // serves models that no config lists
};

std::span<const ProviderDefaults> provider_defaults();
// nullptr for an id that is not known; such a provider speaks openai-chat at its baseUrl.
const ProviderDefaults* find_provider_defaults(std::string_view id);

}  // namespace aiw
