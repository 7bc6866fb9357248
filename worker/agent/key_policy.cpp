#include "worker/agent/key_policy.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/providers/provider_defaults.hpp"

namespace aiw {
namespace {

constexpr std::string_view kFilePrefix = "file:";

// Returns the text in ${...}; nullopt if the key is a literal.
std::optional<std::string> reference_in(std::string_view api_key, bool anywhere) {
  const auto begin = api_key.find("${");
  if (begin == std::string_view::npos || (begin != 0 && !anywhere)) return std::nullopt;
  const auto end = api_key.find('}', begin);
  if (end == std::string_view::npos || (end + 1 != api_key.size() && !anywhere)) return std::nullopt;
  return std::string(api_key.substr(begin + 2, end - begin - 2));
}

bool is_file(std::string_view reference) { return reference.starts_with(kFilePrefix); }

Error key_error(std::string code, std::string message, std::string_view provider_id) {
  Error error{.code = std::move(code), .category = Category::auth, .message = std::move(message)};
  error.provider = provider_id;
  return error;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

std::unexpected<Error> too_many(std::string message) {
  return std::unexpected(
      Error{.code = error_code::invalid_request, .category = Category::invalid_request, .message = std::move(message)});
}

std::expected<std::string, Error> read_variable(const std::string& name, const KeyPolicy& policy) {
  auto value = policy.read_variable(name);
  if (value) return *std::move(value);
  return std::unexpected(key_error(error_code::missing_key, "the variable " + name + " is not set, or empty", {}));
}

std::expected<std::string, Error> read_key_file(const std::string& path, const KeyPolicy& policy) {
  auto text = policy.read_file(path);
  if (text && trimmed(*text).empty())
    return std::unexpected(key_error(error_code::missing_key, "the key's file is empty", {}));
  if (text) return trimmed(*std::move(text));
  if (text.error() == SecretFileFault::not_allowed) {
    return std::unexpected(
        key_error(error_code::file_not_allowed, "the key's file is in no folder for keys; see --allow-file", {}));
  }
  return std::unexpected(key_error(error_code::missing_key, "the key's file cannot be read", {}));
}

std::expected<std::string, Error> read_now(const std::string& reference, const KeyPolicy& policy) {
  return is_file(reference) ? read_key_file(reference.substr(kFilePrefix.size()), policy)
                            : read_variable(reference, policy);
}

std::expected<std::string, Error> read_key(const std::string& reference, std::string_view provider_id,
                                           const KeyPolicy& policy) {
  auto key = read_reference(reference, policy);
  if (key) return trimmed(*std::move(key));
  key.error().provider = provider_id;
  return key;
}

bool may_be_read(const std::string& reference, const KeyPolicy& policy) {
  return is_file(reference) || find_provider_by_variable(reference) != nullptr ||
         policy.allowed_variables.contains(reference);
}

// Returns true if the key belongs to the provider that owns the host. On this machine any process may listen, so it
// owns no key.
bool is_of_host(std::string_view reference, std::string_view host) {
  if (is_loopback(host)) return false;
  if (!is_file(reference)) {
    const auto* const owner = find_provider_by_variable(reference);
    return owner != nullptr && is_provider_host(*owner, host);
  }
  return std::ranges::any_of(provider_defaults(), [&](const ProviderDefaults& known) {
    return is_provider_host(known, host) && is_provider_file(known, reference.substr(kFilePrefix.size()));
  });
}

}  // namespace

std::vector<std::string> key_folders(std::vector<std::string> named) {
  named.emplace_back("/run/secrets");
  const char* const credentials = std::getenv("CREDENTIALS_DIRECTORY");
  if (credentials != nullptr && *credentials == '/') named.emplace_back(credentials);
  return named;
}

KeyPolicy system_key_policy(std::vector<std::string> folders) {
  KeyPolicy policy;
  policy.read_variable = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
  };
  policy.read_file = [folders = std::move(folders)](const std::string& path) {
    return read_secret_file(path, folders);
  };
  return policy;
}

KeyPolicy for_request(const KeyPolicy& policy) {
  KeyPolicy of_request = policy;
  of_request.of_request = std::make_shared<RequestKeys>();
  return of_request;
}

std::expected<std::string, Error> read_reference(const std::string& reference, const KeyPolicy& policy) {
  if (policy.of_request == nullptr) return read_now(reference, policy);
  RequestKeys& keys = *policy.of_request;
  if (++keys.references > kMaxRequestReferences) {
    return too_many("a request may have at most " + std::to_string(kMaxRequestReferences) +
                    " references (${NAME}, ${file:PATH}), counted for each model that uses them");
  }
  const auto [entry, is_new] = keys.read.try_emplace(reference);
  if (is_new) entry->second = read_now(reference, policy);
  if (entry->second) keys.bytes += entry->second->size();
  if (keys.bytes > kMaxRequestKeyBytes) return too_many("the references of a request may bring at most 4 MiB of keys");
  return entry->second;
}

bool is_allowed_host(const AllowedHosts& hosts, const BaseUrl& url) {
  return hosts.contains(url.host) || hosts.contains(url.authority());
}

std::expected<std::string, Error> resolve_key(std::string_view api_key, std::string_view provider_id, const BaseUrl& to,
                                              const KeyPolicy& policy) {
  const auto reference = reference_in(api_key, false);
  if (!reference) return std::string(api_key);
  if (!may_be_read(*reference, policy)) {
    return std::unexpected(key_error(error_code::variable_not_allowed,
                                     "the variable " + *reference + " may not be read; see --allow-env", provider_id));
  }
  if (!is_of_host(*reference, to.host) && !is_allowed_host(policy.allowed_hosts, to)) {
    return std::unexpected(
        key_error(error_code::host_not_allowed,
                  "a key from the environment or a file may not go to " + to.host + "; see --allow-host", provider_id));
  }
  return read_key(*reference, provider_id, policy);
}

std::expected<std::string, Error> resolve_trusted_key(std::string_view api_key, std::string_view provider_id,
                                                      const KeyPolicy& policy) {
  const auto reference = reference_in(api_key, true);
  return reference ? read_key(*reference, provider_id, policy) : std::string(api_key);
}

std::expected<ResolvedText, Error> resolve_references(
    std::string_view value,
    const std::function<std::expected<std::string, Error>(std::string_view reference)>& resolve) {
  ResolvedText out;
  while (true) {
    const auto begin = value.find("${");
    const auto end = begin == std::string_view::npos ? begin : value.find('}', begin);
    out.text.append(value.substr(0, end == std::string_view::npos ? end : begin));
    if (end == std::string_view::npos) return out;
    if (out.keys.size() == kMaxReferences) {
      return too_many("a value may have at most " + std::to_string(kMaxReferences) +
                      " references (${NAME}, ${file:PATH})");
    }
    auto key = resolve(value.substr(begin, end + 1 - begin));
    if (!key) return std::unexpected(std::move(key).error());
    out.text.append(*key);
    if (out.text.size() > kMaxResolvedBytes) {
      return too_many("a value with its references replaced is longer than 256 KiB");
    }
    out.keys.push_back(*std::move(key));
    value.remove_prefix(end + 1);
  }
}

}  // namespace aiw
