// Resolves the providers and models that a chat asks for, with everything needed to reach them.
#pragma once

#include <expected>
#include <optional>
#include <vector>

#include "protocol/chat.hpp"
#include "protocol/config.hpp"
#include "worker/agent/key_policy.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// Resolves a provider without a model, for requests that concern only the provider.
//
// Errors of all functions here: an unknown provider or model (named in the message), a forbidden alias, a base URL or
// header that is not allowed, a key that cannot be read. No error repeats a key.
std::expected<Target, Error> resolve_provider(std::string_view provider_id, const Config& config,
                                              const KeyPolicy& keys);
std::expected<Target, Error> resolve_target(const ChatRequest& chat, const Config& config, const KeyPolicy& keys);

// Target that is tried after the one before has failed.
struct FallbackTarget {
  Target target;
  std::vector<std::string> codes{};  // error codes and categories that this fallback handles; empty: all

  [[nodiscard]] bool is_for(const Error& error) const;
};

// All targets that a chat may use.
struct Route {
  Target target{};  // current target; at first the one that the chat names
  std::vector<FallbackTarget> fallbacks{};
  std::optional<Target> hedge{};  // target of the second, hedged attempt; absent: the current target
};
// Resolves all targets before the chat is accepted. Error: as above, with a pointer to the field that names the target.
std::expected<Route, Error> resolve_route(const ChatRequest& chat, const Config& config, const KeyPolicy& keys);

}  // namespace aiw
