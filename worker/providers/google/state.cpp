#include "worker/providers/google/state.hpp"

#include "protocol/json_writer.hpp"
#include "worker/providers/codec/ascii_json.hpp"

namespace aiw::google {
namespace {

constexpr std::string_view kTag = "gemini:";

}  // namespace

std::string write_state(std::string_view signature, bool thought) {
  std::string json;
  JsonWriter writer(json);
  writer.begin_object();
  if (thought) writer.field("thought", true);
  if (!signature.empty()) writer.field("thoughtSignature", signature);
  writer.end_object();
  return std::string(kTag) + to_ascii_json(json);
}

std::string write_part_state(std::string_view part) {
  return std::string(kTag) + "{\"part\":" + to_ascii_json(part) + "}";
}

State read_state(RawString state, EventJson& parser) {
  State read;
  if (!state.raw.starts_with(kTag)) return read;
  const std::string text = state.text();
  const auto object = parser.parse(std::string_view(text).substr(kTag.size()));
  if (!object || !object->is_object() || parser.repaired()) return read;
  read.ours = true;
  if (const auto part = get_member(*object, "part"); part && part->is_object()) read.part = to_json(*part);
  append_json_escaped(read.signature, get_string_or_empty(*object, "thoughtSignature"));
  read.thought = get_bool(*object, "thought").value_or(false);
  return read;
}

}  // namespace aiw::google
