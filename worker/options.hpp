// The command line.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "protocol/dialect.hpp"
#include "worker/agent/server.hpp"
#include "worker/executors/mcp/pool.hpp"
#include "worker/http/curl_client.hpp"
#include "worker/io/log.hpp"
#include "worker/process/parent_watch.hpp"

namespace aiw {

struct Options {
  Dialect dialect = Dialect::v1;
  LogLevel log_level = LogLevel::warn;
  LogFormat log_format = LogFormat::text;
  ServerOptions server;
  McpPoolOptions mcp;
  CurlClientOptions http;
  std::vector<std::string> allow_env;
  std::vector<std::string> allow_host;
  std::vector<std::string> allow_file;  // folders that ${file:PATH} may name files in
  bool allow_core = false;              // core files and debuggers, which see keys and conversations
  bool sandbox = false;
  std::optional<std::int64_t> stdout_stall_ms{};  // absent: as the dialect has it
  std::string system_prompt{};                    // of the leanspec dialect's chats, escaped for a JSON string
  std::size_t max_memory = 0;                     // bytes; 0: what the system allows
  ParentWatching parent_watching = ParentWatching::automatic;
  pid_t parent = getppid();  // early, because it may die at any time
  bool fail = false;         // exit with 1 if any chat failed or any line was rejected
};

// Reads the arguments and LEANSPEC_IPC_MODE. Returns the exit code instead if there is nothing to run: help, version,
// schema (printed to stdout) or a bad argument (named on stderr).
struct ParsedOptions {
  std::optional<int> exit_code;
  Options options;
};
ParsedOptions parse_options(int argc, char** argv);

}  // namespace aiw
