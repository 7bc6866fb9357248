// Where a provider's key may come from and which hosts it may be sent to.
#pragma once

#include <expected>
#include <functional>
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

// True if the URL's host is named without a port or with the URL's.
bool is_allowed_host(const AllowedHosts& hosts, const BaseUrl& url);

// A config can name any variable and any host. So a key that comes from the environment or a file, unlike one that the
// config brings itself, only goes to hosts that somebody trusted with the machine has named.
struct KeyPolicy {
  std::set<std::string, std::less<>> allowed_variables;  // besides the known providers' own
  AllowedHosts allowed_hosts;                            // besides the known providers' own
  // A provider's entry is as trusted as the process' own environment (the leanspec dialect): see resolve_trusted_key.
  // What tools and MCP servers refer to is not.
  bool trust_config = false;
  std::function<std::optional<std::string>(const std::string& name)> read_variable;
  std::function<std::expected<std::string, SecretFileFault>(const std::string& path)> read_file;
};

// Those that are named, and those where services find their secrets: /run/secrets (containers) and
// $CREDENTIALS_DIRECTORY (systemd.exec(5)).
std::vector<std::string> key_folders(std::vector<std::string> named);

// The process' environment, and the files below `folders`.
KeyPolicy system_key_policy(std::vector<std::string> folders);

// `api_key` as it is given: a literal, ${NAME}, ${file:PATH} or empty. `to` is where it would go. A variable of a known
// provider and a file that is named after one go to that provider's host, everything else and all that goes to this
// machine only to an allowed host. Error: category auth, naming the variable or the host, never a value.
std::expected<std::string, Error> resolve_key(std::string_view api_key, std::string_view provider_id, const BaseUrl& to,
                                              const KeyPolicy& policy);

// The same for an entry that is trusted: every variable and file, to whatever host the entry names; the first ${NAME}
// anywhere in the string is the key.
std::expected<std::string, Error> resolve_trusted_key(std::string_view api_key, std::string_view provider_id,
                                                      const KeyPolicy& policy);

// The text of a key's file, as it is. Error: as above.
std::expected<std::string, Error> read_key_file(const std::string& path, const KeyPolicy& policy);

// `value` with every ${...} in it replaced by what `resolve` makes of it ("Bearer ${TOKEN}"); that is not looked into
// again. Error: the first of resolve's, or the text is longer than a process or HTTP would take.
std::expected<ResolvedText, Error> resolve_references(
    std::string_view value,
    const std::function<std::expected<std::string, Error>(std::string_view reference)>& resolve);

}  // namespace aiw
