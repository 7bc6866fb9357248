#include "worker/providers/cohere_chat/state.hpp"

#include "worker/providers/codec/ascii_json.hpp"
#include "worker/providers/codec/event_json.hpp"

namespace aiw::cohere_chat {
namespace {

constexpr std::string_view kTag = "cohere-chat:";

}  // namespace

std::string thinking_state() { return std::string(kTag) + R"({"type":"thinking"})"; }

std::string plan_state(std::string_view plan) {
  std::string json = R"({"tool_plan":)";
  append_json_string(json, plan);
  return std::string(kTag) + to_ascii_json(json + "}");
}

State read_state(RawString state) {
  State read;
  if (!state.raw.starts_with(kTag)) return read;
  EventJson json;
  const std::string text = state.text();
  const auto root = json.parse(std::string_view(text).substr(kTag.size()));
  // A state comes from the parent: what was mended in it was not ours.
  if (!root || !root->is_object() || json.repaired()) return read;
  read.thinking = get_string_or_empty(*root, "type") == "thinking";
  if (const auto plan = get_string(*root, "tool_plan")) append_json_string(read.plan.emplace(), *plan);
  return read;
}

}  // namespace aiw::cohere_chat
