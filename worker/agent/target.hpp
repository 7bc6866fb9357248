// Which provider and model a chat means, and everything needed to reach them.
#pragma once

#include <expected>

#include "protocol/chat.hpp"
#include "protocol/config.hpp"
#include "worker/agent/key_policy.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// Error: an unknown provider or model (naming it), a forbidden alias, a base URL or header that may not be used, a key
// that cannot be had. None of it repeats a key.
//
// The same without a model, for what concerns the provider alone.
std::expected<Target, Error> resolve_provider(std::string_view provider_id, const Config& config,
                                              const KeyPolicy& keys);
std::expected<Target, Error> resolve_target(const ChatRequest& chat, const Config& config, const KeyPolicy& keys);

}  // namespace aiw
