// Base of the builders of request options: the members of a body besides the conversation.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/json_writer.hpp"
#include "worker/providers/codec/request.hpp"

namespace aiw {

// Schema of a tool without parameters.
inline constexpr JsonSpan kNoParameters{R"({"type":"object","properties":{}})"};

// Writes an array of the stop sequences as a member; nothing if there are none.
void write_stop_sequences(JsonWriter& json, std::string_view member, const ChatRequest& chat);
// Writes a tool as {type: function, function: {name, description, parameters}}, or its own definition.
void write_function_tool(JsonWriter& json, const Tool& tool);
// True if the model must call some tool, or one tool.
bool is_tool_forced(const StepInput& input);

class OptionsWriterBase {
 protected:
  OptionsWriterBase(const StepInput& input, RequestNotes& notes)
      : input_(input), chat_(input.chat), target_(input.target), notes_(notes) {}

  void dropped(std::string_view name) { notes_.dropped(name, target_); }
  // Writes an option that the chat sets.
  template <typename T>
  void option(std::string_view member, const std::optional<T>& value) {
    if (value) writer_.field(member, *value);
  }
  // Writes it if the model or API takes it, else adds a note with the chat's `name` of it.
  template <typename T>
  void option(std::string_view member, const std::optional<T>& value, bool taken, std::string_view name) {
    if (value && !taken) dropped(name);
    if (taken) option(member, value);
  }

  const StepInput& input_;
  const ChatRequest& chat_;
  const Target& target_;
  RequestNotes& notes_;
  std::string out_;
  JsonWriter writer_{out_};
};

}  // namespace aiw
