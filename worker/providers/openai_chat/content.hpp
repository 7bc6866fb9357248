// The parts of a Chat Completions message's content, as a provider takes them.
#pragma once

#include <string_view>

#include "protocol/chat.hpp"
#include "worker/base/rope.hpp"
#include "worker/providers/provider_defaults.hpp"

namespace aiw::openai_chat {

// OpenRouter's cache_control, which Anthropic's API brought up: the mark's value.
constexpr std::string_view cache_control(CacheMark mark) {
  return mark == CacheMark::one_hour ? R"({"type":"ephemeral","ttl":"1h"})" : R"({"type":"ephemeral"})";
}

// Appends them to `body`, which then refers to the conversation's bytes.
class ContentWriter {
 public:
  ContentWriter(const ChatQuirks& quirks, Rope& body) : quirks_(quirks), body_(body) {}

  void text(RawString text, CacheMark mark);
  void media(const MediaPart& part);
  // Ends an object that may have a cache mark.
  void end_part(CacheMark mark);
  // What this API has no form for, in words; empty: nothing was met.
  [[nodiscard]] std::string_view refused() const { return refused_; }

 private:
  void image(const MediaPart& part);
  void audio(const MediaPart& part);
  void file(const MediaPart& part);

  const ChatQuirks& quirks_;
  Rope& body_;
  std::string_view refused_;
};

}  // namespace aiw::openai_chat
