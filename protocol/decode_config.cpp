#include "protocol/decode_config.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "protocol/ascii.hpp"
#include "protocol/decode_headers.hpp"

namespace aiw {
namespace {

constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
// Limits far above any real config. Without them a small line could name millions of entries, each of which takes many
// times the size of its text.
constexpr std::size_t kMaxProviders = 1'000;
constexpr std::size_t kMaxModels = 20'000;  // per provider, and for all providers together
constexpr std::size_t kMaxAliases = 10'000;
constexpr std::size_t kMaxAllowedKeys = 20'000;  // per alias, and for all aliases together

Price read_price(JsonReader& in) {
  Price price;
  const auto rate = [&in] {
    const double value = in.number();
    if (in.ok() && !(value >= 0)) in.fail("a price is 0 or more");
    return value;
  };
  in.object([&](std::string_view key) {
    if (key == "input") {
      price.input = rate();
    } else if (key == "output") {
      price.output = rate();
    } else if (key == "cachedInput") {
      price.cached_input = rate();
    } else if (key == "cacheWrite") {
      price.cache_write = rate();
    } else {
      in.skip();
    }
  });
  return price;
}

ModelConfig read_model(JsonReader& in) {
  ModelConfig model;
  in.object([&](std::string_view key) {
    if (key == "id") {
      model.id = read_name(in);
    } else if (key == "name") {
      model.name = in.string();
    } else if (key == "maxTokens") {
      model.max_tokens = in.integer(1, kMax);
    } else if (key == "default") {
      model.is_default = in.boolean();
    } else if (key == "price") {
      model.price = read_price(in);
    } else if (key == "script") {
      model.script = in.value().json;
    } else {
      in.skip();
    }
  });
  if (model.id.empty()) in.fail("a model needs an id");
  return model;
}

std::string read_secret(JsonReader& in) {
  std::string secret = in.string();
  if (secret.size() > kMaxKeyBytes) in.fail("longer than 64 KiB");
  return secret;
}

void read_headers(JsonReader& in, ProviderConfig& provider) {
  std::size_t bytes = 0;
  in.object([&](std::string_view key) {
    check_header_name(in, key, provider.headers);
    if (provider.headers.size() >= kMaxHeaders) in.fail("a provider has at most 100 headers");
    provider.headers.emplace_back(key, read_secret(in));
    bytes += key.size() + provider.headers.back().second.size();
    if (bytes > kMaxKeyBytes) in.fail("a provider's headers are at most 64 KiB");
  });
}

Api read_api(JsonReader& in) {
  const auto api = api_from_name(in.string());
  if (!api) in.fail("not a wire API that this worker knows");
  return api.value_or(Api::openai_chat);
}

Auth read_auth(JsonReader& in) {
  const auto auth = auth_from_name(in.string());
  if (!auth) in.fail("auth is bearer, api-key, x-api-key, x-goog-api-key, sigv4 or none");
  return auth.value_or(Auth::none);
}

// Reads a text that becomes part of a host name or a path.
std::string read_name_part(JsonReader& in) {
  std::string name = in.string();
  const bool fits =
      std::ranges::all_of(name, [](char c) { return is_ascii_alnum(c) || c == '-' || c == ':' || c == '.'; });
  if (in.ok() && (!fits || name.size() > 128)) in.fail("only letters, digits, '-', ':' and '.' may stand here");
  return name;
}

// Reads a service account key: an object, or a string that contains it or refers to it.
std::string read_credentials(JsonReader& in) {
  return in.type() == JsonType::string ? in.string() : std::string(in.value().json);
}

bool read_access_field(JsonReader& in, std::string_view key, ProviderConfig& provider) {
  if (key == "apiKey") {
    provider.api_key = read_secret(in);
  } else if (key == "auth") {
    provider.auth = read_auth(in);
  } else if (key == "credentials") {
    provider.credentials = read_credentials(in);
  } else if (key == "accessKeyId") {
    provider.access_key_id = read_secret(in);
  } else if (key == "secretAccessKey") {
    provider.secret_access_key = read_secret(in);
  } else if (key == "sessionToken") {
    provider.session_token = read_secret(in);
  } else if (key == "region") {
    provider.region = read_name_part(in);
  } else if (key == "project") {
    provider.project = read_name_part(in);
  } else if (key == "apiVersion") {
    provider.api_version = read_name_part(in);
  } else {
    return false;
  }
  return true;
}

// Reads the overrides of server behaviour. An unknown field is an error; otherwise a typing mistake would only show as
// a request that the server rejects.
ServerQuirks read_quirks(JsonReader& in) {
  using Flag = std::optional<bool> ServerQuirks::*;
  using Number = std::optional<std::int64_t> ServerQuirks::*;
  static constexpr auto kFlags = std::to_array<std::pair<std::string_view, Flag>>({
      {"oneSystemMessage", &ServerQuirks::one_system},
      {"alternatingRoles", &ServerQuirks::alternating_roles},
      {"userAfterToolResult", &ServerQuirks::user_after_result},
      {"assistantLast", &ServerQuirks::assistant_last},
      {"unsignedThinking", &ServerQuirks::unsigned_thinking},
      {"schemaCombinators", &ServerQuirks::schema_combinators},
      {"images", &ServerQuirks::images},
      {"imageLinks", &ServerQuirks::image_links},
      {"audio", &ServerQuirks::audio},
      {"files", &ServerQuirks::files},
  });
  static constexpr auto kNumbers = std::to_array<std::pair<std::string_view, Number>>({
      {"callIdLength", &ServerQuirks::call_id_length},
      {"maxTools", &ServerQuirks::max_tools},
      {"maxStopSequences", &ServerQuirks::max_stop_sequences},
  });
  constexpr std::int64_t kMost = 100'000;
  ServerQuirks quirks;
  in.object([&](std::string_view key) {
    const auto* flag = std::ranges::find(kFlags, key, &std::pair<std::string_view, Flag>::first);
    const auto* number = std::ranges::find(kNumbers, key, &std::pair<std::string_view, Number>::first);
    if (flag != kFlags.end()) {
      quirks.*(flag->second) = in.boolean();
    } else if (number != kNumbers.end()) {
      quirks.*(number->second) = in.integer(0, kMost);
    } else {
      in.fail("not a known quirk: see docs/providers.md");
    }
  });
  constexpr std::int64_t kShortest = 16;
  const auto length = quirks.call_id_length.value_or(0);
  if (in.ok() && length > 0 && length < kShortest) in.fail("callIdLength is 0 or at least 16");
  return quirks;
}

ProviderConfig read_provider(JsonReader& in) {
  ProviderConfig provider;
  in.object([&](std::string_view key) {
    if (read_access_field(in, key, provider)) return;
    if (key == "id") {
      provider.id = read_name(in);
    } else if (key == "name") {
      provider.name = in.string();
    } else if (key == "type") {
      provider.type = read_api(in);
    } else if (key == "baseUrl" || key == "baseURL") {
      provider.base_url = in.string();
    } else if (key == "headers") {
      read_headers(in, provider);
    } else if (key == "quirks") {
      provider.quirks = read_quirks(in);
    } else if (key == "models") {
      in.array([&] {
        if (provider.models.size() >= kMaxModels) in.fail("a config has at most 20,000 models");
        provider.models.push_back(read_model(in));
      });
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
      settings.default_provider_id = read_name(in);
    } else if (key == "defaultModelId") {
      settings.default_model_id = read_name(in);
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
      alias.upstream = read_name(in);
    } else if (key == "enabled") {
      alias.enabled = in.boolean();
    } else if (key == "allowedKeys") {
      in.array([&] {
        if (alias.allowed_keys.size() >= kMaxAllowedKeys) in.fail("a config has at most 20,000 allowedKeys");
        alias.allowed_keys.push_back(in.string());
      });
    } else {
      in.skip();
    }
  });
  if (alias.upstream.empty()) in.fail("a model alias needs an upstream");
  return alias;
}

}  // namespace

std::string read_name(JsonReader& in) {
  constexpr std::size_t kMaxBytes = 2048;
  std::string name = in.string();
  if (name.size() > kMaxBytes) in.fail("the name of a provider or model has at most 2,048 bytes");
  return name;
}

Config read_config(JsonReader& in) {
  Config config;
  in.object([&](std::string_view key) {
    if (key == "providers") {
      std::size_t models = 0;
      in.array([&] {
        if (config.providers.size() >= kMaxProviders) in.fail("a config has at most 1,000 providers");
        config.providers.push_back(read_provider(in));
        models += config.providers.back().models.size();
        if (models > kMaxModels) in.fail("a config has at most 20,000 models");
      });
    } else if (key == "settings") {
      config.settings = read_settings(in);
    } else if (key == "models") {
      std::size_t keys = 0;
      in.object([&](std::string_view name) {
        if (config.aliases.size() >= kMaxAliases) in.fail("a config has at most 10,000 aliases");
        config.aliases.push_back(read_alias(in, name));
        keys += config.aliases.back().allowed_keys.size();
        if (keys > kMaxAllowedKeys) in.fail("a config has at most 20,000 allowedKeys");
      });
    } else {
      in.skip();
    }
  });
  return config;
}

}  // namespace aiw
