// The kinds of output items that the Responses API has besides messages, reasoning and function calls, as data: who
// carries a call out, and what its result looks like.
#pragma once

#include <string_view>

#include "worker/providers/codec/event_json.hpp"

namespace aiw::openai_responses {

enum class ItemRole {
  opaque,           // nothing to show; sent back unchanged
  provider_call,    // the provider ran it, or waits for an approval
  provider_result,  // what a provider's call of another item gave
  client_call,      // the client is to run it
};

struct ItemKind {
  std::string_view type;
  ItemRole role = ItemRole::opaque;
  std::string_view tool_name{};    // empty: the item's own `name`
  std::string_view result{};       // the member with what the tool gave; empty: none
  std::string_view output_type{};  // of a client_call: the type of the item that answers it
};

// `item` decides where the type alone does not: a shell may be the provider's or the client's.
ItemKind item_kind(std::string_view type, const JsonElement& item);

}  // namespace aiw::openai_responses
