// Interface between the agent loop and the code that runs a model's tool calls: HTTP endpoints, MCP servers, built-in
// tools.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/chat.hpp"
#include "protocol/error.hpp"

namespace aiw {

// Input of one tool call. The views are valid only during the function call that receives them.
struct ToolInvocation {
  std::string_view tool_call_id;
  std::string_view arguments;  // JSON object, valid against the tool's schema
};

// Running tool call. Destroying it cancels the call: no callback follows, and the other side is notified where its
// protocol has a message for that.
class ToolRun {
 public:
  virtual ~ToolRun() = default;
};

// Called once with the output: {type, value} as in `tool_result`. A failure is an error-text output, which the model
// sees.
using ToolOutputHandler = std::function<void(std::string output_json)>;

// Tool that this process runs.
class ToolRunner {
 public:
  virtual ~ToolRunner() = default;
  // Never calls `on_output` before run() returns, and never after the ToolRun is destroyed. `on_output` may destroy the
  // ToolRun. The caller enforces the timeout.
  virtual std::unique_ptr<ToolRun> run(const ToolInvocation& call, ToolOutputHandler on_output) = 0;
};

// Tool offered to a chat in addition to the tools that its request declares.
struct OfferedTool {
  std::string name;  // [A-Za-z_][A-Za-z0-9_-]{0,63}, which every provider accepts
  std::string description{};
  std::string input_schema;   // JSON object
  std::string_view executor;  // value of `tool_call`'s executor: "mcp" or "builtin"; static lifetime
  Approval approval = Approval::always;
  std::optional<std::int64_t> timeout_ms{};  // absent: the chat's timeout applies
  std::shared_ptr<ToolRunner> runner{};      // shared with the source, which may keep it for other chats
};

struct OfferedTools {
  std::vector<OfferedTool> tools;
  std::vector<ChatRequest::Note> notes;  // reported as warnings
};

// Source of additional tools for a chat.
class ToolSource {
 public:
  using Result = std::expected<OfferedTools, Error>;
  // Pending open(). Destroying it cancels the operation, and no callback follows.
  class Opening {
   public:
    virtual ~Opening() = default;
  };

  virtual ~ToolSource() = default;
  // Returns nullptr if the chat requests nothing from this source. Otherwise calls `on_ready` once, never before open()
  // returns; `on_ready` may destroy the Opening. An error ends the chat. `chat` must outlive the Opening.
  virtual std::unique_ptr<Opening> open(const ChatRequest& chat, std::function<void(Result)> on_ready) = 0;
};

}  // namespace aiw
