// Output dialects: the frame formats for stdout. One chat, several formats.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/event.hpp"

namespace aiw {

enum class Dialect {
  v1,        // this project's own format (docs/protocol.md)
  leanspec,  // format of the AI worker in leanspec-http 0.2.20 (docs/leanspec.md)
};

std::optional<Dialect> dialect_from_name(std::string_view name);

// Encodes the events of one chat as frames. Each frame ends with a newline and is valid UTF-8 and JSON.
class EventEncoder {
 public:
  virtual ~EventEncoder() = default;

  // Returns false if the dialect has no frame for such an event, so that it need not be sent.
  [[nodiscard]] virtual bool tells(const ChatEvent& event) const = 0;
  // Appends the frames of the chat's next event, numbered from `seq`, and returns their count. Requires tells(event).
  virtual std::size_t event(std::string& out, std::uint64_t seq, const ChatEvent& event) = 0;
};

// Appends frames that belong to no chat event. Each ends with a newline and is valid UTF-8 and JSON. Stateless; one
// instance per process.
class FrameEncoder {
 public:
  virtual ~FrameEncoder() = default;

  // Creates the encoder of one chat. `ui`: the chat requests AI SDK UI message chunks. Only v1 supports them; other
  // dialects ignore the flag.
  [[nodiscard]] virtual std::unique_ptr<EventEncoder> chat(std::string_view chat_id, bool ui) const = 0;

  virtual void ready(std::string& out, const ReadyInfo& info) const = 0;
  virtual void ack(std::string& out, std::string_view id, const Ack& ack) const = 0;
  // Reports a rejected line. `id` is absent if the line had no readable id. `is_chat`: the line was a chat, which some
  // parents only close on an error frame. Returns false if the dialect has no frame for it; the caller then logs it.
  virtual bool rejected(std::string& out, const std::optional<std::string>& id, bool is_chat,
                        const Error& error) const = 0;
  virtual void health(std::string& out, std::string_view id, const HealthInfo& info) const = 0;
  virtual void models(std::string& out, std::string_view id, const ModelList& list) const = 0;
  virtual void config_reloaded(std::string& out, std::string_view id) const = 0;
};

std::unique_ptr<FrameEncoder> make_encoder(Dialect dialect);

}  // namespace aiw
