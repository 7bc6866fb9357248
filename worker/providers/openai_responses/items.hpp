// Table of the Responses API's output items besides messages, reasoning and function calls: the side that runs a call,
// and the form of its result.
#pragma once

#include <string_view>

#include "worker/providers/codec/event_json.hpp"

namespace aiw::openai_responses {

enum class ItemRole {
  opaque,           // nothing to report; sent back unchanged
  provider_call,    // the provider ran the call, or waits for an approval
  provider_result,  // the result of a provider's call in another item
  client_call,      // the client must run the call
};

struct ItemKind {
  std::string_view type;
  ItemRole role = ItemRole::opaque;
  std::string_view tool_name{};    // empty: the item's own `name`
  std::string_view result{};       // the member with the tool's output; empty: none
  std::string_view output_type{};  // for a client_call: the type of the item with its result
};

// `item` decides if the type alone does not: a shell may be the provider's or the client's.
ItemKind item_kind(std::string_view type, const JsonElement& item);

}  // namespace aiw::openai_responses
