#include "worker/providers/codec/request.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "worker/providers/codec/body_writer.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/openai_models.hpp"
#include "worker/providers/codec/options_writer.hpp"
#include "worker/providers/openai_chat/address.hpp"
#include "worker/providers/openai_chat/model_list.hpp"
#include "worker/providers/openai_responses/decoder.hpp"
#include "worker/providers/openai_responses/messages.hpp"
#include "worker/providers/schema/rewriter.hpp"
#include "worker/providers/wire_apis.hpp"

namespace aiw::openai_responses {
namespace {

constexpr std::array<std::string_view, 2> kReserved = {"input", "stream"};

// Writes the members of the body before `input`.
class OptionsWriter : OptionsWriterBase {
 public:
  OptionsWriter(const StepInput& input, const OpenAiModelRules& rules, RequestNotes& notes)
      : OptionsWriterBase(input, notes), rules_(rules) {}

  std::string write() {
    writer_.begin_object().field("model", target_.model).field("stream", chat_.stream.upstream);
    // The worker is stateless, so the provider must store nothing either: reasoning is sent back encrypted.
    writer_.field("store", false);
    include();
    if (!chat_.system.empty()) writer_.field("instructions", chat_.system);
    option("max_output_tokens", output_token_limit(chat_, target_, notes_));
    sampling();
    if (chat_.reasoning) reasoning();
    if (chat_.response_json) response_format();
    if (!chat_.tools.empty()) tools();
    writer_.end_object();
    return apply_provider_options(std::move(out_), chat_, kReserved, notes_);
  }

 private:
  [[nodiscard]] bool thinks_not() const { return chat_.reasoning && chat_.reasoning->effort.raw == "none"; }

  void include() {
    const bool reasons = !thinks_not() && (rules_.reasons || (chat_.reasoning && !rules_.ours));
    const bool logprobs = chat_.logprobs.value_or(false);
    if (!reasons && !logprobs) return;
    writer_.key("include").begin_array();
    if (reasons) writer_.string("reasoning.encrypted_content");
    if (logprobs) writer_.string("message.output_text.logprobs");
    writer_.end_array();
  }

  void sampling() {
    const bool effort_given = chat_.reasoning && !chat_.reasoning->effort.empty();
    const bool taken = effort_given && rules_.reasons ? thinks_not() && rules_.sampling_unthinking : rules_.sampling;
    option("temperature", chat_.temperature, taken, "temperature");
    option("top_p", chat_.top_p, taken, "topP");
    if (chat_.top_k) dropped("topK");
    if (chat_.seed) dropped("seed");
    if (chat_.frequency_penalty) dropped("frequencyPenalty");
    if (chat_.presence_penalty) dropped("presencePenalty");
    if (!chat_.stop_sequences.empty()) dropped("stopSequences");
  }

  void reasoning() {
    if (chat_.reasoning->budget_tokens) dropped("reasoning.budgetTokens");
    if (chat_.reasoning->effort.empty()) return;
    if (rules_.ours && !rules_.reasons) return dropped("reasoning.effort");
    writer_.key("reasoning").begin_object().field("effort", chat_.reasoning->effort).end_object();
  }

  // Uses strict mode if the parent requests it. If the parent does not set it, only for a schema that needs no change.
  RewrittenSchema strict_schema(JsonSpan schema, std::optional<bool> wanted) {
    if (!wanted.value_or(true) || !schema.is_object()) return {std::string(schema.json), false};
    RequestNotes unsaid;
    RewrittenSchema cleaned = rewrite_schema(schema, kStrictSchemas, schema_budget_, wanted ? notes_ : unsaid);
    if (wanted || cleaned.json == schema.json) return cleaned;
    return {std::string(schema.json), false};
  }

  void response_format() {
    writer_.key("text").begin_object().key("format").begin_object();
    if (chat_.response_schema.empty()) {
      writer_.field("type", "json_object");
    } else {
      const RewrittenSchema schema = strict_schema(chat_.response_schema, chat_.response_strict);
      writer_.field("type", "json_schema");
      writer_.field("name", chat_.response_name.empty() ? RawString{"response"} : chat_.response_name);
      if (!chat_.response_description.empty()) writer_.field("description", chat_.response_description);
      writer_.field("schema", JsonSpan{schema.json}).field("strict", schema.fits);
    }
    writer_.end_object().end_object();
  }

  // A step without tools still lists them, so that the start of the prompt stays the cached one.
  void tools() {
    writer_.key("tools").begin_array();
    for (const Tool& tool : chat_.tools) write_tool(tool);
    writer_.end_array();
    if (!input_.offer_tools) {
      writer_.field("tool_choice", "none");
    } else if (chat_.tool_choice) {
      writer_.key("tool_choice");
      tool_choice(*chat_.tool_choice);
    }
    option("parallel_tool_calls", chat_.parallel_tool_calls);
  }

  void write_tool(const Tool& tool) {
    if (!tool.definition.empty()) {
      writer_.raw(tool.definition);
      return;
    }
    const RewrittenSchema schema =
        strict_schema(tool.input_schema.empty() ? kNoParameters : tool.input_schema, tool.strict);
    writer_.begin_object().field("type", "function").field("name", tool.name);
    if (!tool.description.empty()) writer_.field("description", tool.description);
    // The API's own default is true, which makes it rewrite the schema.
    writer_.field("parameters", JsonSpan{schema.json}).field("strict", schema.fits).end_object();
  }

  void tool_choice(const ToolChoice& choice) {
    switch (choice.type) {
      case ToolChoiceType::automatic: writer_.string("auto"); break;
      case ToolChoiceType::none: writer_.string("none"); break;
      case ToolChoiceType::required: writer_.string("required"); break;
      case ToolChoiceType::tool: one_tool(choice.tool_name); break;
    }
  }

  // A choice names functions and custom tools by name, the API's own tools by type, and an MCP server by its label. A
  // tool without a name in the chat is known by its type.
  void one_tool(RawString name) {
    for (const Tool& tool : chat_.tools) {
      if (tool.definition.empty()) continue;
      EventJson json;
      const auto root = json.parse(tool.definition.json);
      const auto type = root ? get_string_or_empty(*root, "type") : std::string_view();
      if (tool.name.raw != name.raw && type != name.raw) continue;
      if (type == "function" || type == "custom") return named_tool(type, name);
      writer_.begin_object().field("type", json.plain_text(type));
      if (type == "mcp") writer_.field("server_label", json.text(*root, "server_label"));
      writer_.end_object();
      return;
    }
    named_tool("function", name);
  }

  void named_tool(std::string_view type, RawString name) {
    writer_.begin_object().field("type", type).field("name", name).end_object();
  }

  const OpenAiModelRules& rules_;
  SchemaBudget schema_budget_;
};

const JsonSpan* find_option(const ChatRequest& chat, std::string_view name) {
  const auto found = std::ranges::find(chat.provider_options, name, &std::pair<std::string, JsonSpan>::first);
  return found == chat.provider_options.end() ? nullptr : &found->second;
}

std::expected<BuiltRequest, Error> build(const StepInput& input) {
  auto http = start_json_post(openai_chat::openai_url(input.target, "responses"), "text/event-stream", input);
  if (!http) return std::unexpected(std::move(http.error()));
  BuiltRequest built{.http = std::move(*http), .notes = {}};
  RequestNotes notes;
  const OpenAiModelRules rules = openai_model_rules(input.target.model);
  const auto options = OptionsWriter(input, rules, notes).write();
  Rope& body = built.http.body;
  body.append(std::string_view(options).substr(0, options.size() - 1));
  BodyWriter json(body, options.size() > 2);
  json.key("input").begin_array();
  const JsonSpan* const store = find_option(input.chat, "store");
  const Dialect dialect{
      .system_role = rules.reasons && !input.target.model.contains("grok-") ? "developer" : "system",
      .stored = store != nullptr && store->json != "false",  // null removes our `false`, and the API's default is true
      .cache_breakpoints = find_option(input.chat, "prompt_cache_options") != nullptr};
  append_input(input.messages, dialect, body, notes);
  json.end_array().end_object();
  built.notes = notes.take();
  return built;
}

}  // namespace

const WireApi kApi = {build, make_sse_decoder<Decoder>, http_error, openai_chat::list_models, openai_chat::read_models};

}  // namespace aiw::openai_responses
