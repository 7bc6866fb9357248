// Writes the content parts of a Chat Completions message as a provider accepts them.
#pragma once

#include <string_view>

#include "protocol/chat.hpp"
#include "worker/providers/codec/body_writer.hpp"
#include "worker/providers/provider_defaults.hpp"

namespace aiw::openai_chat {

// Writes OpenRouter's member cache_control, which has the form of Anthropic's API.
template <typename Out>
void write_cache_mark(BasicJsonWriter<Out>& json, const ChatQuirks& quirks, CacheMark mark) {
  if (mark == CacheMark::none || !quirks.cache_marks) return;
  json.key("cache_control").begin_object().field("type", "ephemeral");
  if (mark == CacheMark::one_hour) json.field("ttl", "1h");
  json.end_object();
}

// Writes parts to `json`, whose body then refers to the conversation's bytes.
class ContentWriter {
 public:
  ContentWriter(const ChatQuirks& quirks, BodyWriter& json) : quirks_(quirks), json_(json) {}

  void text(RawString text, CacheMark mark);
  void media(const MediaPart& part);
  // Ends an object that may have a cache mark.
  void end_part(CacheMark mark);
  // Error message for media that this API cannot express; empty: none.
  [[nodiscard]] std::string_view refused() const { return refused_; }

 private:
  BodyWriter& begin_part(std::string_view type) {
    return json_.begin_object().field("type", RawString{type}).key(type);
  }
  void audio(const MediaPart& part);
  void file(const MediaPart& part);
  // Writes {"url": …} with the media's URL or data.
  void url(const MediaPart& part, std::string_view otherwise);

  const ChatQuirks& quirks_;
  BodyWriter& json_;
  std::string_view refused_;
};

}  // namespace aiw::openai_chat
