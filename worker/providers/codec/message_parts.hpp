// What builders of several wire APIs do with the parts of a message.
#pragma once

#include <string_view>
#include <vector>

#include "protocol/chat.hpp"
#include "worker/base/rope.hpp"

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

// These append the contents of a JSON string, without its quotes, and refer to the conversation's own bytes.

// The text parts one after the other; `between` is escaped already.
void append_texts(Rope& body, const std::vector<Part>& parts, std::string_view between);
// What a tool gave, as text: JSON as it is written, of `content` the text parts line by line.
void append_output_text(Rope& body, const ToolOutput& output);
// The URL of media, or a data URL of its bytes; `otherwise` is the type of bytes that say none.
void append_media_url(Rope& body, const MediaPart& media, std::string_view otherwise);
// Any text.
void append_escaped(Rope& body, std::string_view text);

}  // namespace aiw
