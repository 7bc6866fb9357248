// Provider states of Gemini's parts: a whole part, to be sent again as received, or data that the worker's part lacks.
#pragma once

#include <string>
#include <string_view>

#include "protocol/json_writer.hpp"
#include "worker/providers/codec/provider_state.hpp"

namespace aiw::google {

inline constexpr std::string_view kStateTag = "gemini:";
inline constexpr std::string_view kPart = "part";
inline constexpr std::string_view kSignature = "thoughtSignature";
inline constexpr std::string_view kThought = "thought";

struct State {
  bool ours = false;           // this API wrote it
  bool thought = false;        // the part belongs to the model's thoughts
  std::string_view signature;  // empty: none; valid until the reader's next read()
  std::string part;            // JSON of a whole part; empty: none
};

inline State read_state(StateReader& reader, RawString state) {
  const auto object = reader.read(state, kStateTag);
  if (!object) return {};
  return {.ours = true,
          .thought = get_bool(*object, kThought).value_or(false),
          .signature = get_string_or_empty(*object, kSignature),
          .part = get_object(*object, kPart) ? reader.json(*object, kPart) : std::string()};
}

// Returns the state of a part with this signature (empty: none). `grounding` is JSON for the parent that no request
// reads; empty: none.
inline std::string write_state(std::string_view signature, bool thought, std::string_view grounding = {}) {
  std::string json;
  JsonWriter writer(json);
  writer.begin_object();
  if (thought) writer.field(kThought, true);
  if (!signature.empty()) writer.field(kSignature, signature);
  if (!grounding.empty()) writer.field("groundingMetadata", JsonSpan{grounding});
  writer.end_object();
  return make_state(kStateTag, json);
}

}  // namespace aiw::google
