// Chat sessions that a parent keeps beside the protocol. The dialect of such a parent has an implementation.
#pragma once

#include <functional>
#include <memory>

#include "protocol/chat.hpp"
#include "worker/agent/reply.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// All calls on the loop thread. A failure here never fails a chat.
class ParentSessions {
 public:
  virtual ~ParentSessions() = default;

  // The lookup runs as long as this object exists.
  class Lookup {
   public:
    virtual ~Lookup() = default;
  };
  // Completes `chat` with what its session says, such as provider and model. `chat` must outlive the lookup. Returns
  // nullptr if the chat has no session. `on_done` is called once, never within this call, after a few seconds at most.
  // It may destroy the lookup.
  virtual std::unique_ptr<Lookup> look_up(ChatRequest& chat, std::function<void()> on_done) = 0;
  // Returns the handler for the chat's `done`: it saves the conversation first, which takes a few seconds at most.
  // Returns nullptr if the chat has no session. This object must outlive the handler.
  virtual Reply::DoneKeeper keep_done(const ChatRequest& chat, const Target& target) = 0;
  // Cancels what is being saved, and sends each waiting `done` now.
  virtual void finish() = 0;
};

}  // namespace aiw
