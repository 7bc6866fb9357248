// Which providers and models a chat means, and everything needed to reach them.
#pragma once

#include <expected>
#include <optional>
#include <vector>

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

// Another target, asked when the one before has failed.
struct FallbackTarget {
  Target target;
  std::vector<std::string> codes{};  // codes and categories of the errors that it is for; empty: all

  [[nodiscard]] bool is_for(const Error& error) const;
};

// Whom a chat may ask.
struct Route {
  Target target{};  // the one whose turn it is, at first the chat's own
  std::vector<FallbackTarget> fallbacks{};
  std::optional<Target> hedge{};  // beside the one whose turn it is; absent: a hedge asks that one again
};
// All of it, before the chat is accepted. Error: as above, with the pointer to what names the target.
std::expected<Route, Error> resolve_route(const ChatRequest& chat, const Config& config, const KeyPolicy& keys);

}  // namespace aiw
