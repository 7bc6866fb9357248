// The words on stdout: one session, and the vocabularies that tell of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/event.hpp"

namespace aiw {

enum class Dialect {
  v1,        // this project's own (docs/protocol.md)
  leanspec,  // the vocabulary of leanspec-http 0.2.20's AI worker (docs/leanspec.md)
};

std::optional<Dialect> dialect_from_name(std::string_view name);

// One chat's events as frames, each with its newline, always valid UTF-8 and JSON.
class EventEncoder {
 public:
  virtual ~EventEncoder() = default;

  // False: these words never tell of such an event, so that it need not be sent.
  [[nodiscard]] virtual bool tells(const ChatEvent& event) const = 0;
  // Appends the frames of the chat's next event, numbered from `seq` on, and returns how many they are. Requires
  // tells(event).
  virtual std::size_t event(std::string& out, std::uint64_t seq, const ChatEvent& event) = 0;
};

// Appends frames, each with its newline, always valid UTF-8 and JSON. Stateless; one for the process.
class FrameEncoder {
 public:
  virtual ~FrameEncoder() = default;

  // `ui`: the chat asks for AI SDK UI message chunks, which only v1 has; the others go on as they are.
  [[nodiscard]] virtual std::unique_ptr<EventEncoder> chat(std::string_view chat_id, bool ui) const = 0;

  virtual void ready(std::string& out, const ReadyInfo& info) const = 0;
  virtual void ack(std::string& out, std::string_view id, const Ack& ack) const = 0;
  // `id` absent: the line had none that could be read. `is_chat`: the line was a chat, which some parents only know to
  // end with an error. Returns false if the dialect has no frame for it (then it belongs in the log).
  virtual bool rejected(std::string& out, const std::optional<std::string>& id, bool is_chat,
                        const Error& error) const = 0;
  virtual void health(std::string& out, std::string_view id, const HealthInfo& info) const = 0;
  virtual void models(std::string& out, std::string_view id, const ModelList& list) const = 0;
  virtual void config_reloaded(std::string& out, std::string_view id) const = 0;
};

std::unique_ptr<FrameEncoder> make_encoder(Dialect dialect);

}  // namespace aiw
