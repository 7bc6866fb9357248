#include "worker/providers/bedrock/state.hpp"

#include "worker/providers/codec/ascii_json.hpp"

namespace aiw::bedrock {
namespace {

constexpr std::string_view kTag = "bedrock-converse:";

std::string write_state(std::string_view name, std::string_view json) {
  std::string state(kTag);
  return state.append("{\"").append(name).append("\":").append(to_ascii_json(json)).append("}");
}

}  // namespace

std::string write_block_state(std::string_view block) { return write_state("block", block); }

std::string write_signature_state(std::string_view signature) {
  std::string json;
  append_json_string(json, signature);
  return write_state("signature", json);
}

State read_state(RawString state, EventJson& parser) {
  State read;
  if (!state.raw.starts_with(kTag)) return read;
  const std::string text = state.text();
  const auto object = parser.parse(std::string_view(text).substr(kTag.size()));
  // A state comes from the parent: what was mended in it was not ours.
  if (!object || !object->is_object() || parser.repaired()) return read;
  const auto block = get_member(*object, "block");
  if (block && block->is_object()) read.block = to_ascii_json(to_json(*block));
  append_json_escaped(read.signature, get_string_or_empty(*object, "signature"));
  return read;
}

}  // namespace aiw::bedrock
