// Completes a call with a fixed output, without running anything, after the caller has received the ToolRun.
#pragma once

#include <memory>
#include <string>

#include "worker/base/clock.hpp"
#include "worker/executors/tool_runner.hpp"

namespace aiw {

std::unique_ptr<ToolRun> answer_soon(Clock& clock, std::string output_json, ToolOutputHandler on_output);

}  // namespace aiw
