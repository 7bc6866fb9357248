// Chat sessions kept by LeanSpec's parent: which model a session uses, and its saved conversation. A failure here never
// fails the chat.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/chat.hpp"
#include "worker/agent/reply.hpp"
#include "worker/base/clock.hpp"
#include "worker/base/http_client.hpp"
#include "worker/base/memory_account.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// All calls on the loop thread. A session belongs to the API at the chat's baseUrl. No key is sent there.
class LeanSpecSessions {
 public:
  // `on_failure` receives the text of a failure, for the log. The references must outlive this object.
  LeanSpecSessions(HttpClient& http, Clock& clock, MemoryAccounts& memory,
                   std::function<void(std::string_view what)> on_failure);
  ~LeanSpecSessions();
  LeanSpecSessions(const LeanSpecSessions&) = delete;
  LeanSpecSessions& operator=(const LeanSpecSessions&) = delete;

  // The lookup runs as long as this object exists.
  class Lookup {
   public:
    virtual ~Lookup() = default;
  };
  // Requests the provider and model of the chat's session and sets them in `chat`, which must outlive the lookup.
  // Returns nullptr if the chat has no session. `on_done` is called once, never within this call, after a few seconds
  // at most. It may destroy the lookup.
  std::unique_ptr<Lookup> look_up(ChatRequest& chat, std::function<void()> on_done);

  // Returns the handler for the chat's `done`: it saves the conversation first, which takes a few seconds at most.
  // Returns nullptr if the chat has no session. This object must outlive the handler.
  Reply::DoneKeeper keep_done(const ChatRequest& chat, const Target& target);
  // Cancels what is being saved, and sends each waiting `done` now.
  void finish();

 private:
  class Saving;
  void save(HttpRequest request, Reply reply, const DoneEvent& event);

  HttpClient& http_;
  Clock& clock_;
  MemoryAccounts& memory_;
  const std::function<void(std::string_view)> on_failure_;
  std::map<const Saving*, std::unique_ptr<Saving>> saving_;
};

}  // namespace aiw
