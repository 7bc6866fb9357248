// The mock provider, for demos and for tests of parents. Responds by echo or by a script, without a network.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/error.hpp"
#include "protocol/usage.hpp"
#include "worker/providers/provider.hpp"
#include "worker/providers/step.hpp"

namespace aiw {

// One action of the mock provider: a text. It is stored once, whatever the number of deltas.
struct MockText {
  std::string text;                       // never empty
  std::size_t piece = std::string::npos;  // bytes of each delta; the last may be shorter
  std::int64_t times = 1;
};
struct MockReasoning : MockText {};

// Returns the delta of a text that begins at byte `at`, cut between characters.
std::string_view mock_piece(const MockText& text, std::size_t at);

struct MockDelay {
  std::int64_t ms = 0;
};
struct MockFinish {
  FinishReason reason = FinishReason::stop;
};
// The response breaks off without a finish.
struct MockTruncate {};

using MockAction = std::variant<MockText, MockReasoning, ToolCall, MockDelay, Usage, MockFinish, MockTruncate, Error>;

// Returns all actions of one step, in order. The last action is a MockFinish, MockTruncate or Error, and no other
// action is one. Pure function.
//
// The model `echo` without a script repeats the last user text word by word. Any other model needs the script from its
// config: a JSON array of steps, each an array of actions (docs/mock.md). A chat whose history has n assistant messages
// after the last user message is at step n. The last step repeats.
//
// Error: not_found for a model without a script; invalid_request for a script that cannot be read, with the position of
// the error.
std::expected<std::vector<MockAction>, Error> mock_actions(const StepInput& input);

}  // namespace aiw
