// Messages of the Model Context Protocol that a tool client needs (revisions 2024-11-05 to 2025-11-25).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/json_text.hpp"
#include "worker/executors/secret_values.hpp"

namespace aiw {

// Tool as described by its server.
struct McpTool {
  std::string name;
  std::string description{};
  std::string input_schema{};  // JSON object
};

// Page of tools/list.
struct McpToolPage {
  std::vector<McpTool> tools{};
  std::string next_cursor{};  // empty for the last page
};

inline constexpr std::string_view kMcpNewestRevision = "2025-11-25";

// Requests the newest revision. Declares no client capability.
std::string initialize_params(std::string_view client_version);
// Negotiated revision and server capabilities.
struct McpAgreement {
  std::string revision{};
  bool sends_notifications = false;  // may send tools/list_changed or log notifications
};
// Error: the revision is not supported, or the result is invalid.
std::expected<McpAgreement, std::string> read_initialize_result(JsonSpan result);

// An empty cursor requests the first page.
std::string list_params(std::string_view cursor);
// Omits tools that require a task (2025-11-25, execution.taskSupport) and tools with one of `keys` in their name.
// Removes `keys` from descriptions and schemas.
std::expected<McpToolPage, std::string> read_tool_page(JsonSpan result, const SecretValues& keys);

// `arguments` is a JSON object.
std::string call_params(std::string_view tool, std::string_view arguments, std::int64_t progress_token);
std::string cancelled_params(std::int64_t request_id);

}  // namespace aiw
