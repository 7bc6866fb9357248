// Known providers by id, as a table: their wire API, base URL and key variable.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/config.hpp"

namespace aiw {

// The request option that controls reasoning.
enum class ReasoningOption {
  effort,           // reasoning_effort
  object,           // reasoning: {effort} or {max_tokens}
  thinking,         // thinking: {type: enabled or disabled}
  thinking_off,     // reasoning_effort; for "none" it sends thinking: {type: disabled}
  thinking_budget,  // reasoning_effort; for a budget it sends thinking: {type: enabled, budget_tokens}
  enable_thinking,  // enable_thinking and thinking_budget
};

// Form in which reasoning is sent back to the provider that made it.
enum class ReasoningReplay {
  none,
  field,  // in the message member in which it was received
  parts,  // as `thinking` parts of the content
};

// Differences of a provider's Chat Completions from what most servers accept. Strings are names of JSON members or
// values; an empty string means that the provider does not accept the option.
struct ChatQuirks {
  std::string_view max_tokens = "max_tokens";
  std::string_view seed = "seed";
  std::string_view required_choice = "required";  // value of tool_choice for "call some tool"
  ReasoningOption reasoning = ReasoningOption::effort;
  ReasoningReplay replay = ReasoningReplay::field;
  std::string_view
      reasoning_member{};          // the only member that the provider accepts; empty: the member that was received
  bool thinking_limits = false;    // while the model thinks, temperature is fixed and no call can be forced
  std::string_view plain_model{};  // a model that does not think
  // Stands for the missing reasoning of a turn that called tools and came from another provider. nullptr: nothing is
  // needed.
  const char* missing_reasoning = nullptr;
  bool stream_options = true;  // false: the provider counts tokens without it
  bool tools = true;
  bool parallel_tool_calls = true;
  bool json_object = true;
  bool json_schema = true;
  bool top_k = true;
  bool penalties = true;
  bool stop = true;
  bool logprobs = true;
  bool text_parts = true;     // false: a user's text must be one string
  bool cache_marks = false;   // cache_control on content parts and tools
  bool tool_media = false;    // tool messages may hold images
  bool document_url = false;  // files are `document_url` parts
  bool video_url = false;     // videos are `video_url` parts
};

struct ProviderDefaults {
  std::string_view id;
  Api api;
  std::string_view base_url;  // empty: the config must set it; {region} stands for the config's region
  std::string_view key_variable;
  bool aggregator = false;           // serves models that no config lists
  const ChatQuirks* chat = nullptr;  // nullptr: no differences
  std::string_view path{};           // path of the API on the user's own host, where there is no base URL
};

std::span<const ProviderDefaults> provider_defaults();
// Returns nullptr for an unknown id. Such a provider speaks openai-chat at its baseUrl.
const ProviderDefaults* find_provider_defaults(std::string_view id);
// Returns the provider whose base URL has this host; nullptr if there is none.
const ProviderDefaults* find_provider_by_host(std::string_view host);
// Returns the provider that reads one of its keys from this environment variable; nullptr if there is none.
const ProviderDefaults* find_provider_by_variable(std::string_view variable);
// True if `host` belongs to the provider, in any region.
bool is_provider_host(const ProviderDefaults& provider, std::string_view host);
// True for a file that is named after the provider, as secrets are. The file name begins with the id or a variable
// ("openai", "anthropic-key.txt", "OPENAI_API_KEY"). The folder name counts if the file name matches no provider.
bool is_provider_file(const ProviderDefaults& provider, std::string_view path);
// Returns the provider's base URL in a region.
std::string expand_base_url(const ProviderDefaults& provider, std::string_view region);

// Returns the quirks of a provider; `known` may be nullptr. Azure serves OpenAI's API, whatever a config calls it.
const ChatQuirks& chat_quirks(Api api, const ProviderDefaults* known);

}  // namespace aiw
