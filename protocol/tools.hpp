// What a chat line says about tools and who carries them out: plain structs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/json_text.hpp"

namespace aiw {

// Who says that a call may be carried out.
enum class Approval {
  always,  // every call may
  never,   // none may: the model is told so
  parent,  // each call waits for a tool_approval line
};

enum class ToolExecutor { parent, returned, provider, http };

// How an HTTP tool's call becomes a request and its answer an output.
struct HttpTool;

// A server of the Model Context Protocol: a child process (`command`) or a URL, exactly one of them.
struct McpServer {
  std::string name;
  std::string command{};
  std::vector<std::string> args{};
  std::vector<std::pair<std::string, std::string>> env{};
  std::string cwd{};
  std::string url{};
  std::vector<std::pair<std::string, std::string>> headers{};
  std::vector<std::string> tools{};  // names of those that are offered; empty: all
  Approval approval = Approval::always;
  std::optional<std::int64_t> timeout_ms{};  // for one call; absent: the chat's
  bool optional = false;                     // the chat goes on without it, with a warning
};

}  // namespace aiw
