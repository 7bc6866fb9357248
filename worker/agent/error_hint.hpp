// Hints in errors about what in the config is likely wrong.
#pragma once

#include "protocol/error.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// Adds a hint to the message of `error`, which came from a request to `target`: for example a missing key for a 401, or
// a wrong base URL for a 404. Removes possible keys from its URL, and the name of a model behind an alias.
void complete_error(Error& error, const Target& target);

}  // namespace aiw
