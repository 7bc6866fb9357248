// Writes a conversation as the Responses API's input items, spliced from the bytes of the request line.
#pragma once

#include <span>
#include <string_view>

#include "protocol/chat.hpp"
#include "worker/base/rope.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw::openai_responses {

struct Dialect {
  std::string_view system_role = "system";  // reasoning models name it "developer"
  bool stored = false;                      // the provider stores responses, so an item's id stands for the item
  bool cache_breakpoints = false;           // the request uses explicit prompt caching
};

// Appends the elements of the `input` array to `body`, which then refers to the conversation's bytes. The bytes of a
// message do not depend on later messages.
void append_input(std::span<const Message> messages, const Dialect& dialect, Rope& body, RequestNotes& notes);

}  // namespace aiw::openai_responses
