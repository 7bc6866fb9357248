// What is known of providers by their id, as data: which wire API they speak, where, and which variable holds their
// key.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/config.hpp"

namespace aiw {

// How reasoning is asked for.
enum class ReasoningOption {
  effort,           // reasoning_effort
  object,           // reasoning: {effort} or {max_tokens}
  thinking,         // thinking: {type: enabled or disabled}
  thinking_off,     // reasoning_effort; "none" is thinking: {type: disabled}
  thinking_budget,  // reasoning_effort; a budget is thinking: {type: enabled, budget_tokens}
  enable_thinking,  // enable_thinking and thinking_budget
};

// How reasoning goes back to the provider that gave it.
enum class ReasoningReplay {
  none,
  field,  // in the message's member under which it came
  parts,  // as `thinking` parts of the content
};

// Where a provider's Chat Completions differ from what most servers take. Names are of JSON members or values; empty:
// it takes no such thing.
struct ChatQuirks {
  std::string_view max_tokens = "max_tokens";
  std::string_view seed = "seed";
  std::string_view required_choice = "required";  // tool_choice's word for "call some tool"
  ReasoningOption reasoning = ReasoningOption::effort;
  ReasoningReplay replay = ReasoningReplay::field;
  std::string_view reasoning_member{};  // the only one that it knows; empty: any, as it came
  bool thinking_limits = false;         // while its model thinks, temperature is fixed and no call can be forced
  std::string_view plain_model{};       // one that does not think
  // Stands for the reasoning of a turn that called tools, where another provider gave that turn; nullptr: nothing has
  // to.
  const char* missing_reasoning = nullptr;
  bool stream_options = true;  // else it counts tokens unasked
  bool tools = true;
  bool parallel_tool_calls = true;
  bool json_object = true;
  bool json_schema = true;
  bool top_k = true;
  bool penalties = true;
  bool stop = true;
  bool logprobs = true;
  bool text_parts = true;     // else a user's text must be one string
  bool cache_marks = false;   // cache_control on content parts and tools
  bool tool_media = false;    // tool messages may hold images
  bool document_url = false;  // files are `document_url` parts
  bool video_url = false;     // videos are `video_url` parts
};

struct ProviderDefaults {
  std::string_view id;
  Api api;
  std::string_view base_url;  // empty: the config must give one; {region} stands for the config's region
  std::string_view key_variable;
  bool aggregator = false;           // serves models that no config lists
  const ChatQuirks* chat = nullptr;  // nullptr: as most servers
  std::string_view path{};           // of the API on the user's own host, where there is no base URL
};

std::span<const ProviderDefaults> provider_defaults();
// nullptr for an id that is not known; such a provider speaks openai-chat at its baseUrl.
const ProviderDefaults* find_provider_defaults(std::string_view id);
// The one whose base URL has this host; nullptr if there is none.
const ProviderDefaults* find_provider_by_host(std::string_view host);
// The one whose key, or one of whose keys, stands in this environment variable; nullptr if there is none.
const ProviderDefaults* find_provider_by_variable(std::string_view variable);
// Whether `host` is the provider's own, in any region.
bool is_provider_host(const ProviderDefaults& provider, std::string_view host);
// True for a file that is named after the provider, as secrets are: by its id or variable at the beginning of the
// file's name ("openai", "anthropic-key.txt", "OPENAI_API_KEY"), or of its folder's if the file's names none.
bool is_provider_file(const ProviderDefaults& provider, std::string_view path);
// The provider's base URL in a region.
std::string expand_base_url(const ProviderDefaults& provider, std::string_view region);

// The quirks of a provider, `known` or not. Azure serves OpenAI's API whatever a config calls it.
const ChatQuirks& chat_quirks(Api api, const ProviderDefaults* known);

}  // namespace aiw
