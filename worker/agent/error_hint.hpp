// What the worker knows of a failure beside the provider's words: what in the config is likely wrong.
#pragma once

#include "protocol/error.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// Adds to the message of `error`, which came from asking `target`, what the config lacks: a key beside a 401, a base
// URL that leads elsewhere beside a 404. Cuts the URL where it would name the model behind an alias.
void add_hint(Error& error, const Target& target);

}  // namespace aiw
