// The seam between the agent loop and whatever carries out a model's tool calls: HTTP endpoints, MCP servers,
// built-in tools.
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

// What a tool is asked. The views live for the call that takes them.
struct ToolInvocation {
  std::string_view tool_call_id;
  std::string_view arguments;  // a JSON object that fits the tool's schema
};

// One call under way. Destroying it gives the call up: the other side is told where it has a word for that, and
// nothing is called back.
class ToolRun {
 public:
  virtual ~ToolRun() = default;
};

// Called once with the output, {type, value} as in `tool_result`; what went wrong is an error-text output, which the
// model sees.
using ToolOutputHandler = std::function<void(std::string output_json)>;

// One tool that this process runs.
class ToolRunner {
 public:
  virtual ~ToolRunner() = default;
  // Never calls `on_output` before it returns, and not at all once the run is destroyed, which may happen within
  // `on_output`. The caller limits the time.
  virtual std::unique_ptr<ToolRun> run(const ToolInvocation& call, ToolOutputHandler on_output) = 0;
};

// A tool that a chat gets beside those its request declares.
struct OfferedTool {
  std::string name;  // [A-Za-z_][A-Za-z0-9_-]{0,63}: what every provider takes
  std::string description{};
  std::string input_schema;   // a JSON object
  std::string_view executor;  // as `tool_call` names it: "mcp", "builtin"; static
  Approval approval = Approval::always;
  std::optional<std::int64_t> timeout_ms{};  // absent: the chat's
  std::shared_ptr<ToolRunner> runner{};      // shared with its source, which may keep it for other chats
};

struct OfferedTools {
  std::vector<OfferedTool> tools;
  std::vector<ChatRequest::Note> notes;  // become warnings
};

// Where such tools come from.
class ToolSource {
 public:
  using Result = std::expected<OfferedTools, Error>;
  // Being opened as long as it exists; destroying it gives the opening up and calls nothing back.
  class Opening {
   public:
    virtual ~Opening() = default;
  };

  virtual ~ToolSource() = default;
  // nullptr if this chat asks for nothing here. Otherwise calls `on_ready` once, never before it returns; the opening
  // may be destroyed within it. An error ends the chat. `chat` outlives the opening.
  virtual std::unique_ptr<Opening> open(const ChatRequest& chat, std::function<void(Result)> on_ready) = 0;
};

}  // namespace aiw
