#include "worker/providers/openai_chat/reasoning.hpp"

#include <algorithm>

#include "protocol/json_writer.hpp"

namespace aiw::openai_chat {

void ReasoningDetails::add(const EventJson& json, const JsonElement& details) {
  for (const JsonElement detail : elements_of(details)) {
    if (!detail.is_object()) continue;
    Block& block = find_or_begin(json, detail);
    const bool first = block.members.empty();
    for (const auto [key, value] : members_of(detail)) {
      if (key == "text" || key == "summary" || key == "data") {
        block.text += block.joiner.add(as_string(value), json.repaired());
      } else if (key == "signature") {
        if (!as_string(value).empty()) block.signature = json.plain_text(as_string(value));
      } else if (first) {
        if (!block.members.empty()) block.members += ',';
        append_json_string(block.members, json.plain_text(key));
        block.members += ":" + json.json_text(value);
      }
    }
  }
}

ReasoningDetails::Block& ReasoningDetails::find_or_begin(const EventJson& json, const JsonElement& detail) {
  const std::string type = json.text(detail, "type");
  const auto index = get_count(detail, "index");
  // Chunks of one block are consecutive; an encrypted block comes whole.
  const bool continues =
      !blocks_.empty() && blocks_.back().type == type && blocks_.back().index == index && type != "reasoning.encrypted";
  if (!continues) blocks_.push_back({type, index});
  return blocks_.back();
}

bool ReasoningDetails::is_sealed() const {
  return std::ranges::any_of(
      blocks_, [](const Block& block) { return !block.signature.empty() || block.type == "reasoning.encrypted"; });
}

std::string ReasoningDetails::take_json_array() {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (Block& block : blocks_) {
    block.text += block.joiner.flush();
    const std::string_view text_key = block.type.ends_with(".encrypted") ? "data"
                                      : block.type.ends_with(".summary") ? "summary"
                                                                         : "text";
    json.begin_object().copy_list(block.members).field(text_key, block.text);
    if (!block.signature.empty()) json.field("signature", block.signature);
    json.end_object();
  }
  json.end_array();
  blocks_.clear();
  return out;
}

}  // namespace aiw::openai_chat
