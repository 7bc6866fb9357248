// Serializes calls that write specs of the same project, across all chats of this process. Locks the project, not the
// spec: a spec has several names ("1", "001", "001-name"), and only the server can map them to one spec.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "worker/base/clock.hpp"
#include "worker/executors/tool_runner.hpp"

namespace aiw {

// Must outlive its turns.
class SpecEditQueue {
 public:
  // Place in the queue of a name. Destroying it lets the next turn begin.
  class Turn {
   public:
    Turn(SpecEditQueue& turns, std::string name, std::function<void()> on_turn);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    friend class SpecEditQueue;
    void begin_soon();

    SpecEditQueue& turns_;
    const std::string name_;
    const std::function<void()> on_turn_;
    std::unique_ptr<Timer> timer_;
  };

  explicit SpecEditQueue(Clock& clock) : clock_(clock) {}

  // Calls `on_turn` once, when all earlier turns of that name are destroyed; never before wait() returns.
  std::unique_ptr<Turn> wait(std::string name, std::function<void()> on_turn);

 private:
  Clock& clock_;
  std::map<std::string, std::deque<Turn*>, std::less<>> queues_;  // the front turn is active
};

// Wraps `writer` in a tool that waits for the turn of the project. The key is `base_url` and the call's projectId.
std::shared_ptr<ToolRunner> make_turn_taking_tool(std::shared_ptr<ToolRunner> writer, std::string base_url,
                                                  SpecEditQueue& turns);

}  // namespace aiw
