// The chat sessions that LeanSpec's parent keeps: which model one of them uses, and what was said in it. Failures are
// never the chat's.
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

// All calls on the loop thread. A session is one of the API at the chat's baseUrl; no key goes there.
class LeanSpecSessions {
 public:
  // `on_failure` is told of what did not work, for the log. The references outlive the object.
  LeanSpecSessions(HttpClient& http, Clock& clock, MemoryAccounts& memory,
                   std::function<void(std::string_view what)> on_failure);
  ~LeanSpecSessions();
  LeanSpecSessions(const LeanSpecSessions&) = delete;
  LeanSpecSessions& operator=(const LeanSpecSessions&) = delete;

  // Under way as long as it exists.
  class Lookup {
   public:
    virtual ~Lookup() = default;
  };
  // Asks which provider and model the chat's session uses and sets them in `chat`, which outlives the lookup. nullptr:
  // the chat has no session. `on_done` is called once, never within this call, in a few seconds at the latest; the
  // lookup may be destroyed within it.
  std::unique_ptr<Lookup> look_up(ChatRequest& chat, std::function<void()> on_done);

  // What becomes of the chat's `done`: the conversation is saved first, in a few seconds at the most. nullptr: the chat
  // has no session. The keeper outlives neither this object nor the chat's line.
  Reply::DoneKeeper keep_done(const ChatRequest& chat, const Target& target);
  // Gives up what is being saved: every `done` is said now.
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
