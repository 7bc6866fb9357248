// Provider states of the Converse API: a whole content block, to be sent again as it was, or the signature of the
// reasoning that the part holds.
#pragma once

#include <string>
#include <string_view>

#include "worker/providers/codec/provider_state.hpp"

namespace aiw::bedrock {

inline constexpr std::string_view kStateTag = "bedrock-converse:";
inline constexpr std::string_view kBlock = "block";
inline constexpr std::string_view kSignature = "signature";

// JSON of the content block in a state; empty: there is none.
inline std::string read_block(StateReader& reader, RawString state) {
  const auto object = reader.read(state, kStateTag);
  return object && get_object(*object, kBlock) ? reader.json(*object, kBlock) : std::string();
}

// Signature in a state; empty: there is none. Lives until the reader's next read().
inline std::string_view read_signature(StateReader& reader, RawString state) {
  const auto object = reader.read(state, kStateTag);
  return object ? get_string_or_empty(*object, kSignature) : std::string_view();
}

}  // namespace aiw::bedrock
