// Readers for arrays and objects of events whose form is not certain. A value of another form counts as empty.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "worker/providers/codec/event_json.hpp"

namespace aiw {

// Calls `action` with each element; never if `array` is not an array.
template <typename Action>
void for_each_element(const JsonElement& array, Action&& action) {
  simdjson::dom::array elements;
  if (array.get(elements) != simdjson::SUCCESS) return;
  for (const JsonElement element : elements) action(element);
}

struct MemberSlot {
  std::string_view key;
  std::optional<JsonElement>& value;
};

// Puts the value of each named member into its slot. null counts as missing. The last of equal keys counts.
inline void read_members(const JsonElement& object, std::initializer_list<MemberSlot> slots) {
  simdjson::dom::object members;
  if (object.get(members) != simdjson::SUCCESS) return;
  for (const auto [key, value] : members) {
    if (value.is_null()) continue;
    const auto* const slot = std::ranges::find(slots, key, &MemberSlot::key);
    if (slot != slots.end()) slot->value = value;
  }
}

}  // namespace aiw
