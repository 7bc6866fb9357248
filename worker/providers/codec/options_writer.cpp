#include "worker/providers/codec/options_writer.hpp"

namespace aiw {

void write_stop_sequences(JsonWriter& json, std::string_view member, const ChatRequest& chat) {
  if (chat.stop_sequences.empty()) return;
  json.key(member).begin_array();
  for (const RawString text : chat.stop_sequences) json.raw(text);
  json.end_array();
}

void write_function_tool(JsonWriter& json, const Tool& tool) {
  if (!tool.definition.empty()) {
    json.raw(tool.definition);
    return;
  }
  json.begin_object().field("type", "function").key("function").begin_object().field("name", tool.name);
  if (!tool.description.empty()) json.field("description", tool.description);
  json.field("parameters", tool.input_schema.empty() ? kNoParameters : tool.input_schema).end_object().end_object();
}

bool is_tool_forced(const StepInput& input) {
  const auto& choice = input.chat.tool_choice;
  return choice && input.offer_tools && !input.chat.tools.empty() &&
         (choice->type == ToolChoiceType::required || choice->type == ToolChoiceType::tool);
}

}  // namespace aiw
