// Tool runners that a test controls by hand, and a source that offers them.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "worker/executors/tool_output.hpp"
#include "worker/executors/tool_runner.hpp"

namespace aiw {

class FakeRunner : public ToolRunner {
 public:
  struct Run {
    std::string id, arguments;
    ToolOutputHandler on_output;
    bool given_up = false;
  };
  std::unique_ptr<ToolRun> run(const ToolInvocation& call, ToolOutputHandler on_output) override {
    runs.push_back({std::string(call.tool_call_id), std::string(call.arguments), std::move(on_output)});
    return std::make_unique<Handle>(*this, runs.size() - 1);
  }
  void answer(std::size_t run, std::string_view text) {
    REQUIRE(run < runs.size());
    REQUIRE(!runs[run].given_up);
    const auto on_output = runs[run].on_output;  // copied, because the call may start more runs
    on_output(text_output(text));
  }
  std::vector<Run> runs;
  std::size_t under_way = 0;

 private:
  struct Handle : ToolRun {
    Handle(FakeRunner& of, std::size_t run) : runner(of), index(run) { ++runner.under_way; }
    ~Handle() override {
      --runner.under_way;
      runner.runs[index].given_up = true;
    }
    FakeRunner& runner;
    const std::size_t index;
  };
};

class FakeSource : public ToolSource {
 public:
  std::unique_ptr<Opening> open(const ChatRequest&, std::function<void(Result)> on_ready) override {
    if (silent) return nullptr;
    ready = std::move(on_ready);
    return std::make_unique<Handle>(*this);
  }
  // Offers one tool that `runner` runs.
  void offer(const std::string& name, const std::shared_ptr<ToolRunner>& runner, std::string_view executor = "mcp",
             Approval approval = Approval::always) {
    OfferedTools offered;
    offered.tools.push_back({.name = name,
                             .description = "does \"it\"",
                             .input_schema = R"({"type":"object","required":["q"]})",
                             .executor = executor,
                             .approval = approval,
                             .runner = runner});
    give(std::move(offered));
  }
  void give(Result result) {
    REQUIRE(opening);
    const auto on_ready = ready;
    on_ready(std::move(result));
  }
  bool silent = false;
  bool opening = false;
  std::function<void(Result)> ready;

 private:
  struct Handle : Opening {
    explicit Handle(FakeSource& of) : source(of) { source.opening = true; }
    ~Handle() override { source.opening = false; }
    FakeSource& source;
  };
};

}  // namespace aiw
