#include "worker/providers/openai_responses/items.hpp"

#include <algorithm>
#include <array>

namespace aiw::openai_responses {
namespace {

using Role = ItemRole;

// From the API reference's output items. An mcp_list_tools item is a server's catalogue. It is opaque, like all others.
constexpr std::array<ItemKind, 15> kKinds = {{
    {"web_search_call", Role::provider_call, "web_search", "results", {}},
    {"file_search_call", Role::provider_call, "file_search", "results", {}},
    {"code_interpreter_call", Role::provider_call, "code_interpreter", "outputs", {}},
    {"mcp_call", Role::provider_call, "", "output", {}},
    {"mcp_approval_request", Role::provider_call, "mcp_approval_request", "", {}},
    {"program", Role::provider_call, "program", "", {}},
    {"program_output", Role::provider_result, "program", "result", {}},
    {"shell_call", Role::client_call, "shell", "", "shell_call_output"},
    {"shell_call_output", Role::provider_result, "shell", "output", {}},
    {"tool_search_call", Role::client_call, "tool_search", "", "tool_search_output"},
    {"tool_search_output", Role::provider_result, "tool_search", "tools", {}},
    {"custom_tool_call", Role::client_call, "", "", "custom_tool_call_output"},
    {"local_shell_call", Role::client_call, "local_shell", "", "local_shell_call_output"},
    {"apply_patch_call", Role::client_call, "apply_patch", "", "apply_patch_call_output"},
    {"computer_call", Role::client_call, "computer", "", "computer_call_output"},
}};

// xAI reports the parts of its own X search as custom tool calls (docs.x.ai, "Server-side tools").
constexpr std::array<std::string_view, 4> kXaiTools = {"x_keyword_search", "x_semantic_search", "x_user_search",
                                                       "x_thread_fetch"};

bool runs_at_provider(std::string_view type, const JsonElement& item) {
  if (type == "shell_call") {
    const auto environment = get_member(item, "environment");
    return environment && get_string_or_empty(*environment, "type").starts_with("container");
  }
  if (type == "tool_search_call") return get_string_or_empty(item, "execution") != "client";
  if (type != "custom_tool_call") return false;
  return std::ranges::find(kXaiTools, get_string_or_empty(item, "name")) != kXaiTools.end();
}

}  // namespace

ItemKind item_kind(std::string_view type, const JsonElement& item) {
  const auto* found = std::ranges::find(kKinds, type, &ItemKind::type);
  if (found == kKinds.end()) return {type};
  ItemKind kind = *found;
  if (kind.role == Role::client_call && runs_at_provider(type, item)) kind.role = Role::provider_call;
  return kind;
}

}  // namespace aiw::openai_responses
