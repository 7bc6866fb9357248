// Rules for the source of a provider's key, and for the hosts that it may be sent to.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.hpp"
#include "worker/base/url.hpp"
#include "worker/secrets/resolved_text.hpp"
#include "worker/secrets/secret_file.hpp"

namespace aiw {

// Hosts, each with or without a port: "host", "host:port", "[ipv6]:port". Lower case.
using AllowedHosts = std::set<std::string, std::less<>>;

// Returns true if `hosts` has the URL's host, without a port or with the URL's port.
bool is_allowed_host(const AllowedHosts& hosts, const BaseUrl& url);

// Limits on the references of one request. Each counts, also if it is repeated.
inline constexpr std::size_t kMaxRequestReferences = 1'024;
inline constexpr std::size_t kMaxRequestKeyBytes = std::size_t{4} << 20;  // of their keys together

// Keys that the references of one request stand for. Each variable and file is read once.
struct RequestKeys {
  std::map<std::string, std::expected<std::string, Error>, std::less<>> read{};  // by reference
  std::size_t references = 0;
  std::size_t bytes = 0;
};

// A config can name any variable and any host. So a key from the environment or a file may go only to hosts that the
// machine's administrator allows. A key that is literal in the config has no such limit.
struct KeyPolicy {
  std::set<std::string, std::less<>> allowed_variables;  // besides those of known providers
  AllowedHosts allowed_hosts;                            // besides those of known providers
  // Trusts a provider's entry like the process environment (leanspec dialect): see resolve_trusted_key(). References of
  // tools and MCP servers are not trusted.
  bool trust_config = false;
  std::function<std::optional<std::string>(const std::string& name)> read_variable;
  std::function<std::expected<std::string, SecretFileFault>(const std::string& path)> read_file;
  std::shared_ptr<RequestKeys> of_request{};  // nullptr: every reference is read, without a limit
};

// Returns the same policy for the values of one request.
KeyPolicy for_request(const KeyPolicy& policy);

// Returns the named folders and those where services find their secrets: /run/secrets (containers) and
// $CREDENTIALS_DIRECTORY (systemd.exec(5)).
std::vector<std::string> key_folders(std::vector<std::string> named);

// Policy that reads the process environment, and the files below `folders`.
KeyPolicy system_key_policy(std::vector<std::string> folders);

// Resolves `api_key`: a literal, ${NAME}, ${file:PATH} or empty. `to` is where the key would be sent. A literal has no
// limits. A variable of a known provider, or a file named after one, may go to that provider's host. Other references
// may go only to an allowed host, and so may every reference for this machine. Error: category auth; it names the
// variable or the host, never a value.
std::expected<std::string, Error> resolve_key(std::string_view api_key, std::string_view provider_id, const BaseUrl& to,
                                              const KeyPolicy& policy);

// Resolves the key of a trusted entry: any variable or file, for any host. The first ${NAME} anywhere in the string is
// the key.
std::expected<std::string, Error> resolve_trusted_key(std::string_view api_key, std::string_view provider_id,
                                                      const KeyPolicy& policy);

// Returns the value of a reference, NAME or file:PATH. A file has no trailing spaces and line breaks. Error: category
// auth, or invalid_request if the request has too many references; never with a value.
std::expected<std::string, Error> read_reference(const std::string& reference, const KeyPolicy& policy);

// Replaces every ${...} in `value` by the result of `resolve` ("Bearer ${TOKEN}"). Results are not resolved again.
// Error: the first error of `resolve`; or, of category invalid_request, the value has more than kMaxReferences, or the
// text is longer than a process or HTTP accepts.
std::expected<ResolvedText, Error> resolve_references(
    std::string_view value,
    const std::function<std::expected<std::string, Error>(std::string_view reference)>& resolve);

}  // namespace aiw
