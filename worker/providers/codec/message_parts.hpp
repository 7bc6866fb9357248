// What builders of several wire APIs do with the parts of a message.
#pragma once

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

// True for text that is empty or white space only, as a JSON string writes it.
bool is_blank(RawString text);
bool is_error(const ToolOutput& output);

// These write one JSON string.

// The text parts one after the other; `between` is escaped already.
void write_texts(BodyWriter& json, const std::vector<Part>& parts, std::string_view between);
// What a tool gave, as text: JSON as it is written, of `content` the text parts line by line.
void write_output_text(BodyWriter& json, const ToolOutput& output);
// The URL of media, or a data URL of its bytes; `otherwise` is the type of bytes that say none.
void write_media_url(BodyWriter& json, const MediaPart& media, std::string_view otherwise);

// These append the contents of a JSON string, without its quotes.

// The text parts one after the other; `between` is escaped already.
void append_texts(Rope& body, const std::vector<Part>& parts, std::string_view between);
void append_output_text(Rope& body, const ToolOutput& output);
// Any text.
void append_escaped(Rope& body, std::string_view text);

}  // namespace aiw
