// Maker of a provider state. Sealed reasoning, signatures and similar data are valid only for the server that made
// them. A state is an API's tag and a JSON object, `openai-responses:{…}`, followed by its maker: `…}@openai`. States
// of version 0.1 have no maker and are still accepted.
#pragma once

#include <string>
#include <string_view>

#include "worker/providers/provider.hpp"

namespace aiw {

// Claude's own servers. Anthropic, Vertex AI and Bedrock accept each other's signatures (docs.claude.com, "Extended
// thinking").
inline constexpr std::string_view kClaude = "claude";

// Returns the id of the provider with the target's host, else the host, port and path. If the config has several keys
// for the server, `#` and the key's account follow, because one account cannot open what another account's requests
// sealed.
std::string state_maker(const Target& target);
// True if the makers are equal, or may be: only one of them names an account.
bool is_same_maker(std::string_view maker, std::string_view target_maker);

// Returns the state followed by its maker.
std::string with_maker(std::string state, std::string_view maker);

struct MadeState {
  std::string_view state;  // without its maker
  std::string_view maker;  // empty: unknown
};
MadeState split_maker(std::string_view state);

}  // namespace aiw
