#include "worker/agent/target.hpp"

#include <algorithm>

#include "protocol/codes.hpp"
#include "worker/base/crypto.hpp"
#include "worker/base/url.hpp"
#include "worker/providers/google/model.hpp"
#include "worker/providers/provider_defaults.hpp"

namespace aiw {
namespace {

struct Choice {
  std::string provider_id;
  std::string model_id;  // empty: the default model of the provider
  std::string shown_as;  // empty: same as model_id
};

Error refuse(std::string code, Category category, std::string message, std::string pointer = {}) {
  return {.code = std::move(code), .category = category, .message = std::move(message), .pointer = std::move(pointer)};
}

std::expected<Choice, Error> choose_alias(const ChatRequest& chat, const ModelAlias& alias) {
  if (!alias.enabled) {
    return std::unexpected(refuse(error_code::model_disabled, Category::permission,
                                  "the model " + alias.name + " is disabled", "/payload/model"));
  }
  const bool open = alias.allowed_keys.empty() || std::ranges::count(alias.allowed_keys, "*") > 0;
  if (!open && std::ranges::count(alias.allowed_keys, chat.caller_key_id) == 0) {
    return std::unexpected(refuse(error_code::model_not_allowed, Category::permission,
                                  "this caller may not use the model " + alias.name, "/payload/model"));
  }
  const auto slash = alias.upstream.find('/');
  if (slash == std::string::npos) {
    return std::unexpected(refuse(error_code::invalid_request, Category::invalid_request,
                                  "the upstream of the model " + alias.name + " is not provider/model"));
  }
  return Choice{alias.upstream.substr(0, slash), alias.upstream.substr(slash + 1), alias.name};
}

// `model` is an alias or provider/model.
std::expected<Choice, Error> choose_model(const ChatRequest& chat, const std::string& model, const Config& config) {
  const auto alias = std::ranges::find(config.aliases, model, &ModelAlias::name);
  if (alias != config.aliases.end()) return choose_alias(chat, *alias);
  const auto slash = model.find('/');
  if (slash != std::string::npos) return Choice{model.substr(0, slash), model.substr(slash + 1), {}};
  return std::unexpected(refuse(error_code::model_not_found, Category::not_found,
                                "no alias and not provider/model: " + model, "/payload/model"));
}

std::expected<Choice, Error> choose(const ChatRequest& chat, const Config& config) {
  if (!chat.model.empty()) return choose_model(chat, chat.model, config);
  Choice choice{chat.provider_id, chat.model_id, {}};
  if (choice.provider_id.empty()) choice.provider_id = config.settings.default_provider_id;
  if (choice.provider_id.empty() && !config.providers.empty()) choice.provider_id = config.providers.front().id;
  const bool is_default = choice.provider_id == config.settings.default_provider_id;
  if (choice.model_id.empty() && is_default) choice.model_id = config.settings.default_model_id;
  return choice;
}

const ModelConfig* default_model(const ProviderConfig& provider) {
  const auto marked = std::ranges::find(provider.models, true, &ModelConfig::is_default);
  if (marked != provider.models.end()) return &*marked;
  return provider.models.empty() ? nullptr : &provider.models.front();
}

std::expected<void, Error> set_model(Target& target, const ProviderConfig& provider, const Choice& choice,
                                     bool may_be_unlisted) {
  const ModelConfig* model = nullptr;
  if (choice.model_id.empty()) {
    model = default_model(provider);
  } else {
    const auto listed = std::ranges::find(provider.models, choice.model_id, &ModelConfig::id);
    if (listed != provider.models.end()) model = &*listed;
  }
  if (model == nullptr && (choice.model_id.empty() || !(may_be_unlisted || provider.models.empty()))) {
    return std::unexpected(refuse(error_code::model_not_found, Category::not_found,
                                  choice.model_id.empty()
                                      ? "no model is given and the provider " + provider.id + " has no default"
                                      : "the provider " + provider.id + " has no model " + choice.model_id,
                                  "/payload/modelId"));
  }
  target.model = model == nullptr ? choice.model_id : model->id;
  target.shown_as = choice.shown_as.empty() ? target.model : choice.shown_as;
  if (model != nullptr) {
    target.max_tokens = model->max_tokens;
    target.price = model->price;
    target.script = model->script;
  }
  return {};
}

// A model's name chooses no other operation of the provider than the one that asks it.
std::expected<void, Error> check_model_path(const Target& target, const Choice& choice) {
  if (!has_model_in_path(target.api) || !has_dot_segment(target.model)) return {};
  return std::unexpected(refuse(error_code::invalid_request, Category::invalid_request,
                                "the model of " + target.provider_id + " must not have . or .. between slashes",
                                choice.model_id.empty() ? "/payload/config/providers" : "/payload/modelId"));
}

Error bad_url(const ProviderConfig& provider, const std::string& why) {
  return refuse(error_code::invalid_request, Category::invalid_request, "the baseUrl of " + provider.id + ": " + why,
                "/payload/config/providers");
}

std::expected<ResolvedText, Error> resolve_value(std::string_view value, std::string_view provider_id,
                                                 const BaseUrl& to, const KeyPolicy& keys) {
  if (!keys.trust_config) {
    return resolve_references(value, [&](std::string_view text) { return resolve_key(text, provider_id, to, keys); });
  }
  auto key = resolve_trusted_key(value, provider_id, keys);
  if (!key) return std::unexpected(std::move(key).error());
  return *key == value ? ResolvedText{*key} : ResolvedText{*key, {*key}};
}

std::expected<ResolvedText, Error> resolve_secret(std::string_view value, std::string_view provider_id,
                                                  const BaseUrl& to, const KeyPolicy& keys) {
  auto secret = resolve_value(value, provider_id, to, keys);
  if (!secret && secret.error().category == Category::invalid_request) {
    secret.error().pointer = "/payload/config/providers";
    secret.error().provider = provider_id;
  }
  return secret;
}

// Remembers both forms that a response may repeat: the value as sent, and the key inside it.
void keep_secret(Target& target, const ResolvedText& secret) {
  target.secrets.emplace_back(secret.text);
  for (const auto& key : secret.keys) {
    if (key != secret.text) target.secrets.emplace_back(key);
  }
}

// Returns true if the credentials are one reference or have none. Parts of a service account go to other hosts than the
// provider (token_uri, claims of the token), so a key inside one could reach an unchecked host.
bool is_whole_or_literal(std::string_view credentials) {
  return !credentials.contains("${") ||
         (credentials.starts_with("${") && credentials.find('}') == credentials.size() - 1);
}

// Sets the key and the headers of the config, after checking that they may be sent to the host of the URL.
std::expected<void, Error> set_credentials(Target& target, const ProviderConfig& provider, const KeyPolicy& keys) {
  const auto url = parse_base_url(target.base_url);
  if (!url) return std::unexpected(bad_url(provider, url.error()));
  // The path of an operation is appended to the URL. A key in a query would be shown by dryRun and written to server
  // logs.
  if (target.base_url.find('?') != std::string::npos) {
    return std::unexpected(bad_url(provider, "it must not have a query; keys go into apiKey or headers"));
  }
  if (!is_whole_or_literal(provider.credentials)) {
    return std::unexpected(refuse(
        error_code::invalid_request, Category::invalid_request,
        "the credentials of " + provider.id + " must be one reference or a literal: no reference may stand within them",
        "/payload/config/providers"));
  }
  if (target.known == nullptr) target.known = find_provider_by_host(url->host);
  const std::pair<const std::string*, std::string*> secrets[] = {
      {&provider.api_key, &target.api_key},
      {&provider.credentials, &target.credentials},
      {&provider.access_key_id, &target.aws.access_key_id},
      {&provider.secret_access_key, &target.aws.secret_access_key},
      {&provider.session_token, &target.aws.session_token},
  };
  bool has_secret = !provider.headers.empty();
  for (const auto& [from, into] : secrets) {
    auto secret = resolve_secret(*from, provider.id, *url, keys);
    if (!secret) return std::unexpected(std::move(secret).error());
    has_secret = has_secret || !secret->text.empty();
    keep_secret(target, *secret);
    *into = std::move(secret->text);
  }
  const std::pair<std::string_view, const std::string*> in_headers[] = {
      {"apiKey", &target.api_key},
      {"accessKeyId", &target.aws.access_key_id},
      {"secretAccessKey", &target.aws.secret_access_key},  // only signs; none of AWS has any such
      {"sessionToken", &target.aws.session_token},
  };
  for (const auto& [name, key] : in_headers) {
    if (valid_header("authorization", *key)) continue;
    return std::unexpected(
        refuse(error_code::invalid_request, Category::invalid_request,
               "the " + std::string(name) + " of " + provider.id + " has characters that no header may have",
               "/payload/config/providers"));
  }
  for (const auto& [name, value] : provider.headers) {
    auto resolved = resolve_secret(value, provider.id, *url, keys);
    if (!resolved) return std::unexpected(std::move(resolved).error());
    if (names_a_secret(name) || !resolved->keys.empty()) keep_secret(target, *resolved);
    if (!target.headers.set({name, std::move(resolved->text), true})) {
      return std::unexpected(refuse(error_code::invalid_request, Category::invalid_request,
                                    "a header of " + provider.id + " has characters that no header may have",
                                    "/payload/config/providers"));
    }
  }
  if (has_secret && !url->https && !is_loopback(url->host)) {
    return std::unexpected(refuse(error_code::insecure_url, Category::invalid_request,
                                  "a key may go over http:// only to this machine (" + provider.id + ")",
                                  "/payload/config/providers"));
  }
  return {};
}

std::expected<const ProviderConfig*, Error> find_provider(const Config& config, std::string_view id) {
  const auto provider = std::ranges::find(config.providers, id, &ProviderConfig::id);
  if (provider != config.providers.end()) return &*provider;
  return std::unexpected(
      refuse(error_code::provider_not_found, Category::not_found,
             id.empty() ? "the config has no providers" : "the config has no provider " + std::string(id),
             "/payload/providerId"));
}

// Target with the provider's own settings, without its model and keys.
Target target_of(const ProviderConfig& provider) {
  Target target;
  target.provider_id = provider.id;
  target.known = find_provider_defaults(provider.id);
  target.api = provider.type.value_or(target.known == nullptr ? Api::openai_chat : target.known->api);
  target.region = provider.region;
  target.project = provider.project;
  target.api_version = provider.api_version;
  target.quirks = provider.quirks;
  const Auth own_way = provider.access_key_id.empty() ? default_auth(target.api) : Auth::sigv4;
  target.auth = provider.auth.value_or(own_way);
  target.base_url = provider.base_url;
  if (target.base_url.empty() && target.known != nullptr) {
    target.base_url = expand_base_url(*target.known, target.region);
  }
  while (target.base_url.ends_with('/')) target.base_url.pop_back();
  return target;
}

// Checks that the worker can reach the provider, and sets its keys.
std::expected<void, Error> set_access(Target& target, const ProviderConfig& provider, const KeyPolicy& keys) {
  if (target.api == Api::mock) return {};
  if (target.base_url.empty()) return std::unexpected(bad_url(provider, "it is missing"));
  return set_credentials(target, provider, keys);
}

// Returns true if the config has another key for the server that receives this provider's requests.
bool has_several_keys(const Config& config, const ProviderConfig& provider, const Target& target) {
  const auto own = parse_base_url(target.base_url);
  return own && std::ranges::any_of(config.providers, [&](const ProviderConfig& other) {
           if (other.api_key.empty() || other.api_key == provider.api_key) return false;
           const auto url = parse_base_url(target_of(other).base_url);
           return url && url->authority() == own->authority();
         });
}

// Digest of `key`, too short to reveal anything about it.
std::string account_of(std::string_view key) {
  constexpr std::size_t kDigits = 8;
  const auto digest = sha256(key);
  return digest ? to_hex(*digest).substr(0, kDigits) : std::string();
}

std::expected<Target, Error> look_up(const Choice& choice, const Config& config, const KeyPolicy& keys) {
  const auto provider = find_provider(config, choice.provider_id);
  if (!provider) return std::unexpected(provider.error());
  Target target = target_of(**provider);
  const bool may_be_unlisted = target.known != nullptr && target.known->aggregator;
  if (auto model = set_model(target, **provider, choice, may_be_unlisted); !model) {
    return std::unexpected(std::move(model).error());
  }
  if (target.api == Api::vertex) target.api = google::vertex_api_of(target.model);
  if (auto path = check_model_path(target, choice); !path) return std::unexpected(std::move(path).error());
  if (auto access = set_access(target, **provider, keys); !access) return std::unexpected(std::move(access).error());
  if (!target.api_key.empty() && has_several_keys(config, **provider, target)) {
    target.account = account_of(target.api_key);
  }
  return target;
}

std::expected<Target, Error> reach(const Choice& choice, const Config& config, const KeyPolicy& keys) {
  auto target = look_up(choice, config, keys);
  // An alias hides its upstream model, so the error must not name it.
  if (!target && target.error().category == Category::not_found && !choice.shown_as.empty()) {
    target.error().message = "the upstream of the model " + choice.shown_as + " is not in the config";
  }
  return target;
}

// Resolves a fallback or hedge model. An error points at the field that names it.
std::expected<Target, Error> resolve_other(const ChatRequest& chat, const std::string& model, std::string pointer,
                                           const Config& config, const KeyPolicy& keys) {
  const auto choice = choose_model(chat, model, config);
  auto target = choice ? reach(*choice, config, keys) : std::unexpected(choice.error());
  if (!target) target.error().pointer = std::move(pointer);
  return target;
}

}  // namespace

bool FallbackTarget::is_for(const Error& error) const {
  return codes.empty() || std::ranges::count(codes, error.code) > 0 ||
         std::ranges::count(codes, to_string(error.category)) > 0;
}

std::expected<Target, Error> resolve_provider(std::string_view provider_id, const Config& config,
                                              const KeyPolicy& keys) {
  const auto provider = find_provider(config, provider_id);
  if (!provider) return std::unexpected(provider.error());
  Target target = target_of(**provider);
  if (auto access = set_access(target, **provider, keys); !access) return std::unexpected(std::move(access).error());
  return target;
}

std::expected<Target, Error> resolve_target(const ChatRequest& chat, const Config& config, const KeyPolicy& keys) {
  const auto choice = choose(chat, config);
  if (!choice) return std::unexpected(choice.error());
  return reach(*choice, config, keys);
}

std::expected<Route, Error> resolve_route(const ChatRequest& chat, const Config& config, const KeyPolicy& keys) {
  auto own = resolve_target(chat, config, keys);
  if (!own) return std::unexpected(std::move(own).error());
  Route route{.target = *std::move(own)};
  for (std::size_t i = 0; i < chat.fallbacks.size(); ++i) {
    const Fallback& other = chat.fallbacks[i];
    auto target = resolve_other(chat, other.model, "/payload/fallbacks/" + std::to_string(i), config, keys);
    if (!target) return std::unexpected(std::move(target).error());
    route.fallbacks.push_back({*std::move(target), other.codes});
  }
  if (!chat.hedge.model.empty()) {
    auto target = resolve_other(chat, chat.hedge.model, "/payload/hedge/model", config, keys);
    if (!target) return std::unexpected(std::move(target).error());
    route.hedge = *std::move(target);
  }
  return route;
}

}  // namespace aiw
