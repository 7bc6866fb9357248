// Command line options.
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
  std::vector<std::string> allow_file;  // folders whose files ${file:PATH} may name
  bool allow_core = false;              // allows core files and debuggers, which see keys and conversations
  bool sandbox = false;
  std::optional<std::int64_t> stdout_stall_ms{};  // absent: default of the dialect
  std::string system_prompt{};                    // prompt of the leanspec dialect's chats, escaped for a JSON string
  std::size_t max_memory = 0;                     // bytes; 0: the limit of the system
  ParentWatching parent_watching = ParentWatching::automatic;
  pid_t parent = getppid();  // read early, because the parent may die at any time
  bool fail = false;         // exit with 1 if any chat failed or any line was rejected
};

// Parses the arguments and LEANSPEC_IPC_MODE. exit_code is set if there is nothing to run: help, version or schema
// (printed to stdout), or an invalid argument (reported on stderr).
struct ParsedOptions {
  std::optional<int> exit_code;
  Options options;
};
ParsedOptions parse_options(int argc, char** argv);

}  // namespace aiw
