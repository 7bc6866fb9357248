// Who made a provider state: sealed reasoning, signatures and the like mean something only to the server that gave
// them. A state is an API's tag and a JSON object, `openai-responses:{…}`; its maker stands behind it: `…}@openai`.
// States of version 0.1 have none, and are read as before.
#pragma once

#include <string>
#include <string_view>

#include "worker/providers/provider.hpp"

namespace aiw {

// Claude's own servers: Anthropic's, Vertex AI's and Bedrock's take each other's signatures
// (docs.claude.com, "Extended thinking").
inline constexpr std::string_view kClaude = "claude";

// The provider by whose host the target is reached, else that host, port and path; behind `#`, which of several keys
// of the config asks it, for what one account's requests sealed another's cannot open.
std::string state_maker(const Target& target);
// True if `maker` is `target_maker`, or may be: the account is known of only one of them.
bool is_same_maker(std::string_view maker, std::string_view target_maker);

// The state with its maker behind it.
std::string with_maker(std::string state, std::string_view maker);

struct MadeState {
  std::string_view state;  // without its maker
  std::string_view maker;  // empty: none is told
};
MadeState split_maker(std::string_view state);

}  // namespace aiw
