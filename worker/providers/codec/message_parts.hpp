// Helpers for message parts, shared by the builders of several wire APIs.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/chat.hpp"
#include "worker/base/rope.hpp"
#include "worker/providers/codec/body_writer.hpp"

namespace aiw {

template <typename T, typename Action>
void for_each_part(const std::vector<Part>& parts, Action&& action) {
  for (const Part& part : parts) {
    if (const T* found = std::get_if<T>(&part)) action(*found);
  }
}

template <typename T>
bool has_part(const std::vector<Part>& parts) {
  for (const Part& part : parts) {
    if (std::holds_alternative<T>(part)) return true;
  }
  return false;
}

// Returns the number of system messages before the first other message.
inline std::size_t count_leading_system(std::span<const Message> messages) {
  const auto first = std::ranges::find_if(messages, [](const Message& it) { return it.role != Role::system; });
  return static_cast<std::size_t>(first - messages.begin());
}

// True for text that is empty or white space only, as written in a JSON string.
bool is_blank(RawString text);
bool is_error(const ToolOutput& output);

// Returns the label of media that a tool returned, as escaped text. A very long id, which each medium would repeat, is
// left out.
std::string returned_by(RawString call_id);

// The functions below write one JSON string.

// Writes the text parts one after the other. `between` must be escaped already.
void write_texts(BodyWriter& json, const std::vector<Part>& parts, std::string_view between);
// Writes a later system message as text of a user's turn: between <system> tags.
void write_system_text(BodyWriter& json, RawString text);
// Writes text that the model must continue. It must not end in white space.
void write_prefill(BodyWriter& json, RawString text);
// Writes a tool's output as text: JSON as received; for `content` the text parts, one on a line.
void write_output_text(BodyWriter& json, const ToolOutput& output);
// Writes the URL of media, or a data URL of its bytes. `otherwise` is the type if the part has none.
void write_media_url(BodyWriter& json, const MediaPart& media, std::string_view otherwise);

// The functions below append the contents of a JSON string, without its quotes.
void append_texts(Rope& body, const std::vector<Part>& parts, std::string_view between);
void append_output_text(Rope& body, const ToolOutput& output);
// Appends any text, escaped.
void append_escaped(Rope& body, std::string_view text);

}  // namespace aiw
