// A conversation as the Responses API's input items, spliced from the request line's own bytes.
#pragma once

#include <span>
#include <string_view>

#include "protocol/chat.hpp"
#include "worker/base/rope.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw::openai_responses {

struct Dialect {
  std::string_view system_role = "system";  // reasoning models know it as "developer"
  bool stored = false;                      // the provider keeps answers, so that an item's id stands for the item
  bool cache_breakpoints = false;           // the request asks for explicit prompt caching
};

// Appends the elements of the `input` array to `body`, which then refers to the conversation's bytes. Each message
// becomes the same bytes whatever follows it.
void append_input(std::span<const Message> messages, const Dialect& dialect, Rope& body, RequestNotes& notes);

}  // namespace aiw::openai_responses
