// Lets the calls that write specs of one project take turns, whichever chats of this process they belong to. Of one
// project, not of one spec: a spec has several names ("1", "001", "001-name"), and only the server knows which are the
// same.
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

// Outlives the turns.
class SpecTurns {
 public:
  // A place in the queue of a name. Destroying it makes room for the next one.
  class Turn {
   public:
    Turn(SpecTurns& turns, std::string name, std::function<void()> on_turn);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    friend class SpecTurns;
    void begin_soon();

    SpecTurns& turns_;
    const std::string name_;
    const std::function<void()> on_turn_;
    std::unique_ptr<Timer> timer_;
  };

  explicit SpecTurns(Clock& clock) : clock_(clock) {}

  // Calls `on_turn` once when all earlier turns of that name are destroyed; never before it returns.
  std::unique_ptr<Turn> wait(std::string name, std::function<void()> on_turn);

 private:
  Clock& clock_;
  std::map<std::string, std::deque<Turn*>, std::less<>> queues_;  // the first one has its turn
};

// Runs `writer` when it is the turn of the spec, or of the file beside it, that the arguments name in the API at
// `base_url`.
std::shared_ptr<ToolRunner> make_turn_taking_tool(std::shared_ptr<ToolRunner> writer, std::string base_url,
                                                  SpecTurns& turns);

}  // namespace aiw
