#include "worker/executors/late_output.hpp"

#include <utility>

namespace aiw {
namespace {

class LateOutput : public ToolRun {
 public:
  LateOutput(Clock& clock, std::string output, ToolOutputHandler on_output)
      : output_(std::move(output)), on_output_(std::move(on_output)) {
    timer_ = clock.call_at(clock.now(), [this] { tell(); });
  }

 private:
  // The handler may destroy this object, and with it the timer that is running this function.
  void tell() {
    const auto timer = std::move(timer_);
    const auto on_output = std::move(on_output_);
    on_output(std::move(output_));
  }

  std::string output_;
  ToolOutputHandler on_output_;
  std::unique_ptr<Timer> timer_;
};

}  // namespace

std::unique_ptr<ToolRun> answer_soon(Clock& clock, std::string output_json, ToolOutputHandler on_output) {
  return std::make_unique<LateOutput>(clock, std::move(output_json), std::move(on_output));
}

}  // namespace aiw
