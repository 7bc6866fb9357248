// What the worker knows of a failure beside the provider's words: what in the config is likely wrong.
#pragma once

#include "protocol/error.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// Adds to the message of `error`, which came from asking `target`, what the config lacks: a key beside a 401, a base
// URL that leads elsewhere beside a 404. Takes what may be a key out of its URL, and the model behind an alias.
void complete_error(Error& error, const Target& target);

}  // namespace aiw
