// Makes a cassette from a live run: a worker talks to the real providers through a recording proxy on loopback, and
// what is written has no key in it.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "tools/replay/cassette.hpp"

namespace aiw::tools {

// The worker never sees a key: it sends a placeholder, which the proxy replaces on the way to the provider. Keys named
// ${ENV_NAME} or ${file:PATH} are resolved here, by the same rules as in the worker; literal ones leave the request
// line. `request` is the chat line; its inputs are the parent's further lines, its exchanges and expectations are not
// used. The result is the cassette's text. The error is a sentence, also if a key would still be in the text.
std::expected<std::string, std::string> record_cassette(const Cassette& request, const std::filesystem::path& worker);

}  // namespace aiw::tools
