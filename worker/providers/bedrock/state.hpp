// Provider states of the Converse API: a whole content block, to be sent again as received, or the signature of the
// part's reasoning.
#pragma once

#include <string>
#include <string_view>

#include "worker/providers/codec/provider_state.hpp"

namespace aiw::bedrock {

inline constexpr std::string_view kStateTag = "bedrock-converse:";
inline constexpr std::string_view kBlock = "block";
inline constexpr std::string_view kSignature = "signature";

// Returns the JSON of the content block in a state; empty if there is none.
inline std::string read_block(StateReader& reader, RawString state) {
  const auto object = reader.read(state, kStateTag);
  return object && get_object(*object, kBlock) ? reader.json(*object, kBlock) : std::string();
}

// Returns the signature in a state; empty if there is none. Valid until the reader's next read().
inline std::string_view read_signature(StateReader& reader, RawString state) {
  const auto object = reader.read(state, kStateTag);
  return object ? get_string_or_empty(*object, kSignature) : std::string_view();
}

}  // namespace aiw::bedrock
