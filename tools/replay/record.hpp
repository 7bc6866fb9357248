// Records a cassette from a live run. A worker talks to the real providers through a recording proxy on loopback. The
// written cassette contains no key.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "tools/replay/cassette.hpp"

namespace aiw::tools {

// The worker never sees a key. It sends a placeholder, which the proxy replaces on the way to the provider. Keys
// written as ${ENV_NAME} or ${file:PATH} are resolved here, by the same rules as in the worker. Literal keys are
// removed from the request line. `request` provides the chat line and the parent's input lines; its exchanges and
// expectations are not used. Returns the text of the cassette. The error is a sentence; it is also returned if the text
// would still contain a key.
std::expected<std::string, std::string> record_cassette(const Cassette& request, const std::filesystem::path& worker);

}  // namespace aiw::tools
