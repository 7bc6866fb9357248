// The Model Context Protocol's messages that a client of tools needs (revisions 2024-11-05 to 2025-11-25).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/json_text.hpp"
#include "worker/executors/secret_values.hpp"

namespace aiw {

// A tool as its server describes it.
struct McpTool {
  std::string name;
  std::string description{};
  std::string input_schema{};  // a JSON object
};

// One page of tools/list.
struct McpToolPage {
  std::vector<McpTool> tools{};
  std::string next_cursor{};  // empty: the last page
};

inline constexpr std::string_view kMcpNewestRevision = "2025-11-25";

// Offers the newest revision and no capability of a client.
std::string initialize_params(std::string_view client_version);
// What the server chose and can do.
struct McpAgreement {
  std::string revision{};
  bool speaks_unasked = false;  // it may say that its tools changed, or what it logs
};
// Error: its revision is none of ours, or the answer is none.
std::expected<McpAgreement, std::string> read_initialize_result(JsonSpan result);

// An empty cursor asks for the first page.
std::string list_params(std::string_view cursor);
// Tools that cannot be called without a task (2025-11-25, execution.taskSupport) are left out, and those with one of
// `keys` in their name; descriptions and schemas are told without them.
std::expected<McpToolPage, std::string> read_tool_page(JsonSpan result, const SecretValues& keys);

// `arguments` is a JSON object.
std::string call_params(std::string_view tool, std::string_view arguments, std::int64_t progress_token);
std::string cancelled_params(std::int64_t request_id);

}  // namespace aiw
