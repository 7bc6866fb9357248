#include <algorithm>

#include "protocol/json_writer.hpp"
#include "worker/providers/azure.hpp"
#include "worker/providers/http_error.hpp"
#include "worker/providers/openai_chat.hpp"
#include "worker/providers/openai_chat_messages.hpp"
#include "worker/providers/request.hpp"

namespace aiw {
namespace {

bool is_openai(std::string_view base_url) {
  const std::size_t scheme = base_url.find("://");
  if (scheme == std::string_view::npos) return false;
  const auto rest = base_url.substr(scheme + 3);
  return rest.substr(0, rest.find_first_of("/:")) == "api.openai.com";
}

// The o-series and GPT-5, which refuse sampling parameters, also where a gateway puts a vendor before the name.
bool is_reasoning_model(std::string_view model) {
  const std::size_t slash = model.rfind('/');
  const auto name = slash == std::string_view::npos ? model : model.substr(slash + 1);
  if (name.starts_with("gpt-5")) return !name.contains("chat");
  return name.size() >= 2 && name[0] == 'o' && name[1] >= '1' && name[1] <= '9' && (name.size() == 2 || name[2] == '-');
}

// The members of the body before `messages`. A member that provider_options names is left to them.
class OptionsWriter {
 public:
  OptionsWriter(const StepInput& input, std::vector<ChatRequest::Note>& notes)
      : chat_(input.chat), target_(input.target), offer_tools_(input.offer_tools), notes_(notes) {}

  std::string write() {
    writer_.begin_object();
    if (set("model")) writer_.string(target_.model);
    limits();
    sampling();
    if (chat_.reasoning) reasoning(*chat_.reasoning);
    response_format();
    if (offer_tools_ && !chat_.tools.empty()) tools();
    if (chat_.stream.upstream) {
      writer_.field("stream", true);
      if (set("stream_options")) writer_.begin_object().field("include_usage", true).end_object();
    }
    provider_options();
    return std::move(out_);
  }

 private:
  static bool is_ours(std::string_view key) { return key == "messages" || key == "stream"; }

  // Begins the member, unless provider_options replace it.
  bool set(std::string_view key) {
    const auto named = [&](const auto& option) { return option.first == key; };
    if (std::ranges::any_of(chat_.provider_options, named)) return false;
    writer_.key(key);
    return true;
  }

  void dropped(std::string_view name) {
    notes_.push_back(
        {"parameter_dropped", std::string(name) + " was left out: " + target_.shown_as + " does not take it"});
  }

  // OpenAI took max_tokens back for its newer models; nearly all others know nothing else.
  void limits() {
    if (!chat_.max_output_tokens) return;
    if (set(is_openai(target_.base_url) ? "max_completion_tokens" : "max_tokens")) {
      writer_.number(*chat_.max_output_tokens);
    }
  }

  void sampling() {
    const bool refused = is_reasoning_model(target_.model);
    if (refused && chat_.temperature) dropped("temperature");
    if (refused && chat_.top_p) dropped("topP");
    if (!refused && chat_.temperature && set("temperature")) writer_.number(*chat_.temperature);
    if (!refused && chat_.top_p && set("top_p")) writer_.number(*chat_.top_p);
    if (!chat_.stop_sequences.empty() && set("stop")) {
      writer_.begin_array();
      for (const RawString text : chat_.stop_sequences) writer_.raw(text);
      writer_.end_array();
    }
    if (chat_.seed && set("seed")) writer_.number(*chat_.seed);
    if (chat_.logprobs && set("logprobs")) writer_.boolean(*chat_.logprobs);
  }

  void reasoning(const Reasoning& reasoning) {
    if (!reasoning.effort.empty() && set("reasoning_effort")) writer_.raw(reasoning.effort);
    if (reasoning.budget_tokens) dropped("reasoning.budgetTokens");
  }

  void response_format() {
    if (!chat_.response_json || !set("response_format")) return;
    writer_.begin_object();
    if (chat_.response_schema.empty()) {
      writer_.field("type", "json_object");
    } else {
      // Without `strict`: OpenAI refuses schemas outside its subset there, and the parent can ask for it.
      writer_.field("type", "json_schema").key("json_schema").begin_object().field("name", "response");
      writer_.field("schema", chat_.response_schema).end_object();
    }
    writer_.end_object();
  }

  void tools() {
    if (set("tools")) {
      writer_.begin_array();
      for (const Tool& tool : chat_.tools) write_tool(tool);
      writer_.end_array();
    }
    if (chat_.tool_choice && set("tool_choice")) tool_choice(*chat_.tool_choice);
    if (chat_.parallel_tool_calls && set("parallel_tool_calls")) writer_.boolean(*chat_.parallel_tool_calls);
  }

  void write_tool(const Tool& tool) {
    writer_.begin_object().field("type", "function").key("function").begin_object().field("name", tool.name);
    if (!tool.description.empty()) writer_.field("description", tool.description);
    const JsonSpan none{R"({"type":"object","properties":{}})"};
    writer_.field("parameters", tool.input_schema.empty() ? none : tool.input_schema).end_object().end_object();
  }

  void tool_choice(const ToolChoice& choice) {
    switch (choice.type) {
      case ToolChoiceType::automatic: writer_.string("auto"); break;
      case ToolChoiceType::none: writer_.string("none"); break;
      case ToolChoiceType::required: writer_.string("required"); break;
      case ToolChoiceType::tool:
        writer_.begin_object().field("type", "function").key("function").begin_object();
        writer_.field("name", choice.tool_name).end_object().end_object();
        break;
    }
  }

  void provider_options() {
    for (const auto& [key, value] : chat_.provider_options) {
      if (is_ours(key)) {
        notes_.push_back(
            {"parameter_dropped", "providerOptions." + key + " was left out: the request's own fields set it"});
        continue;
      }
      std::string name;
      append_json_escaped(name, key);
      writer_.key(name).raw(value);
    }
  }

  const ChatRequest& chat_;
  const Target& target_;
  const bool offer_tools_;
  std::vector<ChatRequest::Note>& notes_;
  std::string out_;
  JsonWriter writer_{out_};
};

std::string endpoint(const Target& target) {
  constexpr std::string_view kOperation = "chat/completions";
  if (target.api == Api::azure_openai) return azure_url(target, kOperation);
  return join_url(target.base_url, kOperation);
}

}  // namespace

std::expected<BuiltRequest, Error> build_openai_chat(const StepInput& input) {
  BuiltRequest built;
  auto http = start_json_post(endpoint(input.target), "text/event-stream", input);
  if (!http) return std::unexpected(std::move(http).error());
  built.http = *std::move(http);
  built.http.body.append(OptionsWriter(input, built.notes).write());
  built.http.body.append(",\"messages\":[");
  const OpenAiChatDialect dialect{.replay_reasoning = !is_openai(input.target.base_url)};
  const auto written =
      append_openai_chat_messages(input.chat.system, input.messages, dialect, built.http.body, built.notes);
  if (!written) return std::unexpected(written.error());
  built.http.body.append("]}");
  return built;
}

const WireApi& openai_chat_api() {
  static constexpr WireApi kApi = {build_openai_chat, make_openai_chat_decoder, http_error};
  return kApi;
}

}  // namespace aiw
