// The provider inside the worker, for demos and parents' tests: it answers by echo or by a script, without a network.
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

// What the provider does next. A text is kept once, however many deltas it is.
struct MockText {
  std::string text;                       // never empty
  std::size_t piece = std::string::npos;  // bytes of each delta; the last may be shorter
  std::int64_t times = 1;
};
struct MockReasoning : MockText {};

// The delta of a text that begins at byte `at`, cut between characters.
std::string_view mock_piece(const MockText& text, std::size_t at);

struct MockDelay {
  std::int64_t ms = 0;
};
struct MockFinish {
  FinishReason reason = FinishReason::stop;
};
// The answer breaks off without its end.
struct MockTruncate {};

using MockAction = std::variant<MockText, MockReasoning, ToolCall, MockDelay, Usage, MockFinish, MockTruncate, Error>;

// All that one step does, in order; the last action is the only MockFinish, MockTruncate or Error. Pure.
//
// The model `echo` without a script says the last user text again, word by word. Any other model needs the script of
// its config: a JSON array of steps, each an array of actions (docs/mock.md). A chat whose history has n assistant
// messages after the last user message is at step n; the last step repeats.
//
// Error: not_found for a model without a script, invalid_request for a script that cannot be read, with its place.
std::expected<std::vector<MockAction>, Error> mock_actions(const StepInput& input);

}  // namespace aiw
