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
#include "worker/base/resolved_text.hpp"
#include "worker/base/secret_file.hpp"

namespace aiw {

// A config can name any variable and any host. So a key that comes from the environment or a file, unlike one that the
// config brings itself, only goes to hosts that somebody trusted with the machine has named.
struct KeyPolicy {
  std::set<std::string, std::less<>> allowed_variables;  // besides the known providers' own
  std::set<std::string, std::less<>> allowed_hosts;      // besides the known providers' own
  // The config is as trusted as the process' own environment (the leanspec dialect): every variable, to the host that
  // the same provider entry names; the first ${NAME} anywhere in the string counts.
  bool trust_config = false;
  std::function<std::optional<std::string>(const std::string& name)> read_variable;
  std::function<std::expected<std::string, SecretFileFault>(const std::string& path)> read_file;
};

// Those that are named, and those where services find their secrets: /run/secrets (containers) and
// $CREDENTIALS_DIRECTORY (systemd.exec(5)).
std::vector<std::string> key_folders(std::vector<std::string> named);

// The process' environment, and the files below `folders`.
KeyPolicy system_key_policy(std::vector<std::string> folders);

// `api_key` as the config has it: a literal, ${NAME}, ${file:PATH} or empty. `host` is where it would go.
// Error: category auth, naming the variable or the host, never a value.
std::expected<std::string, Error> resolve_key(std::string_view api_key, std::string_view provider_id,
                                              std::string_view host, const KeyPolicy& policy);

// `value` with every ${...} in it replaced by what `resolve` makes of it ("Bearer ${TOKEN}"); that is not looked into
// again. Error: the first of resolve's, or the text is longer than a process or HTTP would take.
std::expected<ResolvedText, Error> resolve_references(
    std::string_view value,
    const std::function<std::expected<std::string, Error>(std::string_view reference)>& resolve);

}  // namespace aiw
