// What the leanspec dialect adds to the worker: LeanSpec's tools, and the sessions of its parent.
#pragma once

#include <functional>
#include <string_view>

#include "worker/leanspec/sessions.hpp"
#include "worker/leanspec/tools.hpp"

namespace aiw {

// Must outlive the server that uses it.
class LeanSpec {
 public:
  // See LeanSpecSessions.
  LeanSpec(HttpClient& http, Clock& clock, MemoryAccounts& memory,
           std::function<void(std::string_view what)> on_failure)
      : tools_(http, clock), sessions_(http, clock, memory, std::move(on_failure)) {}

  [[nodiscard]] ToolSource& tools() { return tools_; }
  [[nodiscard]] ParentSessions& sessions() { return sessions_; }

 private:
  LeanSpecTools tools_;
  LeanSpecSessions sessions_;
};

}  // namespace aiw
