#include "worker/leanspec/spec_turns.hpp"

#include <utility>

#include "worker/executors/tool_arguments.hpp"

namespace aiw {

SpecEditQueue::Turn::Turn(SpecEditQueue& turns, std::string name, std::function<void()> on_turn)
    : turns_(turns), name_(std::move(name)), on_turn_(std::move(on_turn)) {
  auto& queue = turns_.queues_[name_];
  queue.push_back(this);
  if (queue.size() == 1) begin_soon();
}

SpecEditQueue::Turn::~Turn() {
  const auto found = turns_.queues_.find(name_);
  auto& queue = found->second;
  const bool had_its_turn = queue.front() == this;
  std::erase(queue, this);
  if (queue.empty()) {
    turns_.queues_.erase(found);
  } else if (had_its_turn) {
    queue.front()->begin_soon();
  }
}

void SpecEditQueue::Turn::begin_soon() {
  timer_ = turns_.clock_.call_at(turns_.clock_.now(), [this] {
    timer_.reset();
    on_turn_();
  });
}

std::unique_ptr<SpecEditQueue::Turn> SpecEditQueue::wait(std::string name, std::function<void()> on_turn) {
  return std::make_unique<Turn>(*this, std::move(name), std::move(on_turn));
}

namespace {

class TurnTakingRun : public ToolRun {
 public:
  TurnTakingRun(std::shared_ptr<ToolRunner> writer, SpecEditQueue& turns, std::string name, const ToolInvocation& call,
                ToolOutputHandler on_output)
      : writer_(std::move(writer)),
        call_id_(call.tool_call_id),
        arguments_(call.arguments),
        on_output_(std::move(on_output)),
        turn_(turns.wait(std::move(name), [this] { begin(); })) {}

 private:
  void begin() {
    current_ = writer_->run({call_id_, arguments_}, [this](std::string output) { end(std::move(output)); });
  }

  // The handler may destroy this object.
  void end(std::string output) {
    const auto current = std::move(current_);
    const auto on_output = std::move(on_output_);
    turn_.reset();
    on_output(std::move(output));
  }

  const std::shared_ptr<ToolRunner> writer_;
  const std::string call_id_;
  const std::string arguments_;
  ToolOutputHandler on_output_;
  std::unique_ptr<SpecEditQueue::Turn> turn_;  // destroyed after `current_`, which runs in this turn
  std::unique_ptr<ToolRun> current_;
};

class TurnTakingTool : public ToolRunner {
 public:
  TurnTakingTool(std::shared_ptr<ToolRunner> writer, std::string base_url, SpecEditQueue& turns)
      : writer_(std::move(writer)), base_url_(std::move(base_url)), turns_(turns) {}

  std::unique_ptr<ToolRun> run(const ToolInvocation& call, ToolOutputHandler on_output) override {
    std::string name = base_url_ + '\n' + ToolArguments(call.arguments).text("projectId").value_or(std::string());
    return std::make_unique<TurnTakingRun>(writer_, turns_, std::move(name), call, std::move(on_output));
  }

 private:
  const std::shared_ptr<ToolRunner> writer_;
  const std::string base_url_;
  SpecEditQueue& turns_;
};

}  // namespace

std::shared_ptr<ToolRunner> make_turn_taking_tool(std::shared_ptr<ToolRunner> writer, std::string base_url,
                                                  SpecEditQueue& turns) {
  return std::make_shared<TurnTakingTool>(std::move(writer), std::move(base_url), turns);
}

}  // namespace aiw
