#include "worker/providers/anthropic_messages/betas.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "worker/providers/codec/event_json.hpp"

namespace aiw::anthropic_messages {
namespace {

using Needs = std::pair<std::string_view, std::string_view>;

// Types of tools and the betas that they need, from the pages of Anthropic's documentation on each tool.
constexpr std::array<Needs, 11> kTools = {{
    {"computer_20241022", "computer-use-2024-10-22"},
    {"bash_20241022", "computer-use-2024-10-22"},
    {"text_editor_20241022", "computer-use-2024-10-22"},
    {"computer_20250124", "computer-use-2025-01-24"},
    {"computer_20251124", "computer-use-2025-11-24"},
    {"code_execution_20250522", "code-execution-2025-05-22"},
    {"code_execution_20250825", "code-execution-2025-08-25"},
    {"web_fetch_20250910", "web-fetch-2025-09-10"},
    {"memory_20250818", "context-management-2025-06-27"},
    {"mcp_toolset", "mcp-client-2025-11-20"},
    {"advisor_20260301", "advisor-tool-2026-03-01"},
}};

void add(std::vector<std::string>& betas, std::string_view beta) {
  if (std::ranges::find(betas, beta) == betas.end()) betas.emplace_back(beta);
}

void add_for_tool(std::vector<std::string>& betas, JsonSpan definition, EventJson& parser) {
  const auto tool = parser.parse(definition.json);
  if (!tool) return;
  const auto* known = std::ranges::find(kTools, get_string_or_empty(*tool, "type"), &Needs::first);
  if (known != kTools.end()) add(betas, known->second);
}

// Compaction is an edit of the context that needs its own beta.
void add_for_context(std::vector<std::string>& betas, JsonSpan value, EventJson& parser) {
  const auto management = parser.parse(value.json);
  const auto edits = management ? get_array(*management, "edits") : std::nullopt;
  if (!edits) return;
  for (const auto edit : *edits) {
    const bool compacts = get_string_or_empty(edit, "type").starts_with("compact_");
    add(betas, compacts ? "compact-2026-01-12" : "context-management-2025-06-27");
  }
}

bool has_uploaded_file(const Message& message) {
  return std::ranges::any_of(message.parts, [](const Part& part) {
    const auto* media = std::get_if<MediaPart>(&part);
    return media != nullptr && !media->file_id.empty();
  });
}

}  // namespace

std::vector<std::string> needed_betas(const StepInput& input) {
  const ChatRequest& chat = input.chat;
  std::vector<std::string> betas;
  EventJson parser;
  for (const Tool& tool : chat.tools) {
    if (!tool.definition.empty()) add_for_tool(betas, tool.definition, parser);
  }
  for (const auto& [name, value] : chat.provider_options) {
    if (name == "context_management") add_for_context(betas, value, parser);
    // The toolset's beta replaces this one.
    if (name == "mcp_servers" && std::ranges::find(betas, "mcp-client-2025-11-20") == betas.end()) {
      add(betas, "mcp-client-2025-04-04");
    }
  }
  if (std::ranges::any_of(input.messages, has_uploaded_file)) add(betas, "files-api-2025-04-14");
  return betas;
}

void merge_betas(std::vector<std::string>& betas, std::string_view list) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    auto value = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (value.starts_with(' ')) value.remove_prefix(1);
    while (value.ends_with(' ')) value.remove_suffix(1);
    if (!value.empty()) add(betas, value);
  }
}

}  // namespace aiw::anthropic_messages
