// Built-in tools for LeanSpec. They work on a project through the HTTP API of the parent that sent the chat.
#pragma once

#include "worker/base/clock.hpp"
#include "worker/base/http_client.hpp"
#include "worker/executors/tool_runner.hpp"
#include "worker/leanspec/spec_turns.hpp"

namespace aiw {

// Offers the tools of tools.json to every chat that has a baseUrl. The tools use no key. Must outlive the chats.
class LeanSpecTools : public ToolSource {
 public:
  // `http` and `clock` must outlive the chats that use the tools.
  LeanSpecTools(HttpClient& http, Clock& clock) : http_(http), clock_(clock), turns_(clock) {}

  std::unique_ptr<Opening> open(const ChatRequest& chat, std::function<void(Result)> on_ready) override;

 private:
  HttpClient& http_;
  Clock& clock_;
  SpecEditQueue turns_;
};

}  // namespace aiw
