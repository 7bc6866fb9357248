// Chat sessions kept by LeanSpec's parent: which model a session uses, and its saved conversation.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/chat.hpp"
#include "worker/agent/parent_sessions.hpp"
#include "worker/base/clock.hpp"
#include "worker/base/http_client.hpp"
#include "worker/base/memory_account.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// A session belongs to the API at the chat's baseUrl. No key is sent there. It names the chat's provider and model.
class LeanSpecSessions : public ParentSessions {
 public:
  // `on_failure` receives the text of a failure, for the log. The references must outlive this object.
  LeanSpecSessions(HttpClient& http, Clock& clock, MemoryAccounts& memory,
                   std::function<void(std::string_view what)> on_failure);
  ~LeanSpecSessions() override;
  LeanSpecSessions(const LeanSpecSessions&) = delete;
  LeanSpecSessions& operator=(const LeanSpecSessions&) = delete;

  std::unique_ptr<Lookup> look_up(ChatRequest& chat, std::function<void()> on_done) override;
  Reply::DoneKeeper keep_done(const ChatRequest& chat, const Target& target) override;
  void finish() override;

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
