#include "protocol/decode_config.hpp"

#include <limits>

namespace aiw {
namespace {

constexpr auto kMax = std::numeric_limits<std::int64_t>::max();

ModelConfig read_model(JsonReader& in) {
  ModelConfig model;
  in.object([&](std::string_view key) {
    if (key == "id") {
      model.id = in.string();
    } else if (key == "name") {
      model.name = in.string();
    } else if (key == "maxTokens") {
      model.max_tokens = in.integer(1, kMax);
    } else if (key == "default") {
      model.is_default = in.boolean();
    } else if (key == "script") {
      model.script = in.value().json;
    } else {
      in.skip();
    }
  });
  if (model.id.empty()) in.fail("a model needs an id");
  return model;
}

void read_headers(JsonReader& in, ProviderConfig& provider) {
  in.object([&](std::string_view key) { provider.headers.emplace_back(key, in.string()); });
}

Api read_api(JsonReader& in) {
  const auto api = api_from_name(in.string());
  if (!api) in.fail("not a wire API that this worker knows");
  return api.value_or(Api::openai_chat);
}

ProviderConfig read_provider(JsonReader& in) {
  ProviderConfig provider;
  in.object([&](std::string_view key) {
    if (key == "id") {
      provider.id = in.string();
    } else if (key == "name") {
      provider.name = in.string();
    } else if (key == "type") {
      provider.type = read_api(in);
    } else if (key == "baseUrl" || key == "baseURL") {
      provider.base_url = in.string();
    } else if (key == "apiKey") {
      provider.api_key = in.string();
    } else if (key == "headers") {
      read_headers(in, provider);
    } else if (key == "models") {
      in.array([&] { provider.models.push_back(read_model(in)); });
    } else {
      in.skip();
    }
  });
  if (provider.id.empty()) in.fail("a provider needs an id");
  return provider;
}

Settings read_settings(JsonReader& in) {
  Settings settings;
  in.object([&](std::string_view key) {
    if (key == "maxSteps") {
      settings.max_steps = static_cast<int>(in.integer(1, 50));
    } else if (key == "defaultProviderId") {
      settings.default_provider_id = in.string();
    } else if (key == "defaultModelId") {
      settings.default_model_id = in.string();
    } else {
      in.skip();
    }
  });
  return settings;
}

ModelAlias read_alias(JsonReader& in, std::string_view name) {
  ModelAlias alias;
  alias.name = name;
  in.object([&](std::string_view key) {
    if (key == "upstream") {
      alias.upstream = in.string();
    } else if (key == "enabled") {
      alias.enabled = in.boolean();
    } else if (key == "allowedKeys") {
      in.array([&] { alias.allowed_keys.push_back(in.string()); });
    } else {
      in.skip();
    }
  });
  if (alias.upstream.empty()) in.fail("a model alias needs an upstream");
  return alias;
}

}  // namespace

Config read_config(JsonReader& in) {
  Config config;
  in.object([&](std::string_view key) {
    if (key == "providers") {
      in.array([&] { config.providers.push_back(read_provider(in)); });
    } else if (key == "settings") {
      config.settings = read_settings(in);
    } else if (key == "models") {
      in.object([&](std::string_view name) { config.aliases.push_back(read_alias(in, name)); });
    } else {
      in.skip();
    }
  });
  return config;
}

}  // namespace aiw
