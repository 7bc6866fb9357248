#include "worker/providers/google/request.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/json_writer.hpp"
#include "worker/base/ordered_json.hpp"
#include "worker/providers/codec/options_writer.hpp"
#include "worker/providers/codec/request.hpp"
#include "worker/providers/google/messages.hpp"
#include "worker/providers/google/model.hpp"
#include "worker/providers/schema/rewriter.hpp"

namespace aiw::google {
namespace {

// Members that providerOptions must not replace.
constexpr std::array<std::string_view, 2> kReserved = {"contents", "systemInstruction"};

constexpr std::int64_t kLeastBudget = 128;  // minimum of the models that always think

// Google's own mapping of efforts, for its OpenAI-compatible endpoint (ai.google.dev/gemini-api/docs/openai#thinking).
std::int64_t budget_of_effort(std::string_view effort) {
  if (effort == "none") return 0;
  if (effort == "minimal" || effort == "low") return 1024;
  return effort == "medium" ? 8192 : 24'576;  // "high", "xhigh", "max"
}

std::string_view level_of_effort(std::string_view effort, const ModelRules& rules) {
  if (effort == "none" || effort == "minimal") return rules.takes_minimal ? "MINIMAL" : "LOW";
  if (effort == "low") return "LOW";
  return effort == "medium" && rules.takes_medium ? "MEDIUM" : "HIGH";
}

// True for a schema in the API's own dialect (ai.google.dev/api/caching#Schema), whose types are an enum ("STRING"). It
// has fields of its own, beside those for JSON Schema.
bool is_google_schema(JsonSpan schema) {
  const auto json = OrderedJson::parse(schema.json, nullptr, false);
  if (!json.is_object() || !json.contains("type")) return false;
  const auto& type = json["type"];
  if (!type.is_string()) return type.is_number();
  const auto& name = type.get_ref<const std::string&>();
  return !name.empty() && name.front() >= 'A' && name.front() <= 'Z';
}

class OptionsWriter {
 public:
  OptionsWriter(const StepInput& input, const ModelRules& rules, RequestNotes& notes)
      : chat_(input.chat), target_(input.target), rules_(rules), notes_(notes), offer_tools_(input.offer_tools) {}

  std::string write() {
    std::string out;
    JsonWriter writer(out);
    writer.begin_object();
    const std::string config = generation_config();
    if (config != "{}") writer.field("generationConfig", JsonSpan{config});
    if (offer_tools_ && !chat_.tools.empty()) tools(writer);
    writer.end_object();
    return out;
  }

 private:
  std::string generation_config() {
    std::string out;
    JsonWriter writer(out);
    writer.begin_object();
    if (const auto limit = output_token_limit(chat_, target_, notes_)) writer.field("maxOutputTokens", *limit);
    sampling(writer);
    if (chat_.reasoning) reasoning(*chat_.reasoning, writer);
    if (chat_.response_json) response_format(writer);
    writer.end_object();
    return out;
  }

  void sampling(JsonWriter& writer) {
    if (chat_.temperature) writer.field("temperature", *chat_.temperature);
    if (chat_.top_p) writer.field("topP", *chat_.top_p);
    if (chat_.top_k) writer.field("topK", *chat_.top_k);
    if (chat_.frequency_penalty) writer.field("frequencyPenalty", *chat_.frequency_penalty);
    if (chat_.presence_penalty) writer.field("presencePenalty", *chat_.presence_penalty);
    if (chat_.seed) writer.field("seed", *chat_.seed);
    write_stop_sequences(writer, "stopSequences", chat_);
    if (chat_.logprobs.value_or(false)) writer.field("responseLogprobs", true);
  }

  // The API refuses a budget together with a level. Models with levels still accept budgets.
  void reasoning(const Reasoning& reasoning, JsonWriter& writer) {
    if (!rules_.thinks) return notes_.dropped("reasoning", target_);
    if (reasoning.effort.empty() && !reasoning.budget_tokens) return;
    const std::string effort = reasoning.effort.text();
    bool thinks = true;
    writer.key("thinkingConfig").begin_object();
    if (rules_.takes_levels && !reasoning.budget_tokens) {
      writer.field("thinkingLevel", level_of_effort(effort, rules_));
    } else {
      const std::int64_t wanted = reasoning.budget_tokens ? *reasoning.budget_tokens : budget_of_effort(effort);
      const std::int64_t budget = wanted == 0 && !rules_.can_stop_thinking ? kLeastBudget : wanted;
      thinks = budget != 0;
      writer.field("thinkingBudget", budget);
    }
    if (thinks) writer.field("includeThoughts", true);
    writer.end_object();
  }

  void response_format(JsonWriter& writer) {
    writer.field("responseMimeType", "application/json");
    if (!chat_.response_schema.empty()) schema("responseSchema", "responseJsonSchema", chat_.response_schema, writer);
  }

  void schema(std::string_view google_key, std::string_view json_key, JsonSpan schema, JsonWriter& writer) {
    if (is_google_schema(schema)) {
      writer.field(google_key, schema);
    } else {
      const auto rewritten = rewrite_schema(schema, kGeminiSchemas, schema_budget_, notes_);
      writer.field(json_key, JsonSpan{rewritten.json});
    }
  }

  // All functions share one entry, at the place of the first function. Each definition has its own entry.
  void tools(JsonWriter& writer) {
    const auto is_function = [](const Tool& tool) { return tool.definition.empty(); };
    const bool any_function = std::ranges::any_of(chat_.tools, is_function);
    writer.key("tools").begin_array();
    bool declared = false;
    for (const Tool& tool : chat_.tools) {
      if (!is_function(tool)) {
        writer.raw(tool.definition);
      } else if (!std::exchange(declared, true)) {
        writer.begin_object().key("functionDeclarations").begin_array();
        for (const Tool& function : chat_.tools) {
          if (is_function(function)) declare(function, writer);
        }
        writer.end_array().end_object();
      }
    }
    writer.end_array();
    if (any_function) calling_config(writer);
    if (!chat_.parallel_tool_calls.value_or(true)) notes_.dropped("parallelToolCalls", target_);
  }

  void declare(const Tool& function, JsonWriter& writer) {
    writer.begin_object().field("name", function.name);
    if (!function.description.empty()) writer.field("description", function.description);
    if (!function.input_schema.empty()) schema("parameters", "parametersJsonSchema", function.input_schema, writer);
    writer.end_object();
  }

  void calling_config(JsonWriter& writer) {
    const bool strict = std::ranges::any_of(chat_.tools, [](const Tool& tool) { return tool.strict.value_or(false); });
    const auto type = chat_.tool_choice ? chat_.tool_choice->type : ToolChoiceType::automatic;
    if (!chat_.tool_choice && !strict) return;
    // VALIDATED: like AUTO, but calls must match their schemas.
    const std::string_view mode = type == ToolChoiceType::none        ? "NONE"
                                  : type != ToolChoiceType::automatic ? "ANY"
                                  : strict                            ? "VALIDATED"
                                                                      : "AUTO";
    writer.key("toolConfig").begin_object().key("functionCallingConfig").begin_object().field("mode", mode);
    if (type == ToolChoiceType::tool) {
      writer.key("allowedFunctionNames").begin_array().raw(chat_.tool_choice->tool_name).end_array();
    }
    writer.end_object().end_object();
  }

  const ChatRequest& chat_;
  const Target& target_;
  const ModelRules& rules_;
  RequestNotes& notes_;
  SchemaBudget schema_budget_;
  const bool offer_tools_;
};

}  // namespace

std::expected<BuiltRequest, Error> build_request_of(std::string model_url, const StepInput& input) {
  model_url += input.chat.stream.upstream ? ":streamGenerateContent?alt=sse" : ":generateContent";
  auto request = start_json_post(std::move(model_url), "text/event-stream", input);
  if (!request) return std::unexpected(std::move(request.error()));
  RequestNotes notes;
  const auto rules = model_rules(input.target.model);
  std::string options =
      apply_provider_options(OptionsWriter(input, rules, notes).write(), input.chat, kReserved, notes);
  options.pop_back();  // removes the closing brace
  request->body.append(options);
  BodyWriter json(request->body, options.size() > 1);
  auto written = write_conversation(input.chat.system, input.messages, rules, json, notes);
  if (!written) return std::unexpected(std::move(written.error()));
  json.end_object();
  return BuiltRequest{*std::move(request), notes.take()};
}

}  // namespace aiw::google
