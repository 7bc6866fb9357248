// Tools of a chat line and their executors, as plain structs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/json_text.hpp"

namespace aiw {

// Decides which calls may run.
enum class Approval {
  always,  // every call may run
  never,   // no call may run; the model is informed
  parent,  // each call waits for a tool_approval line
};

enum class ToolExecutor { parent, returned, provider, http };

// Declaration of an HTTP tool (protocol/http_tool.hpp).
struct HttpTool;

// A server of the Model Context Protocol. Exactly one of `command` (a child process) and `url` is set.
struct McpServer {
  std::string name;
  std::string command{};
  std::vector<std::string> args{};
  std::vector<std::pair<std::string, std::string>> env{};
  std::string cwd{};
  std::string url{};
  std::vector<std::pair<std::string, std::string>> headers{};
  std::vector<std::string> tools{};  // names of the offered tools; empty: all
  Approval approval = Approval::always;
  std::optional<std::int64_t> timeout_ms{};  // limit for one call; absent: the chat's tool timeout
  bool optional = false;  // true: if the server fails, the chat continues without it and with a warning
};

}  // namespace aiw
