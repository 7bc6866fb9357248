// The words on stdout: one session, two vocabularies.
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

// Appends frames, each with its newline, always valid UTF-8 and JSON. Stateless; one for the process.
class FrameEncoder {
 public:
  virtual ~FrameEncoder() = default;

  // Appends the frame of one event and returns true, or nothing and false if this dialect has no word for it.
  // `seq` is the number it has if it is written.
  virtual bool event(std::string& out, std::string_view chat_id, std::uint64_t seq, const ChatEvent& event) const = 0;

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
