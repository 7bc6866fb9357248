#include "worker/providers/codec/request.hpp"

#include <array>
#include <optional>
#include <utility>

#include "protocol/codes.hpp"
#include "protocol/json_writer.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/message_parts.hpp"
#include "worker/providers/codec/options_writer.hpp"
#include "worker/providers/ollama/decoder.hpp"
#include "worker/providers/ollama/messages.hpp"
#include "worker/providers/wire_apis.hpp"

// Wire facts are from Ollama's docs/api.md and its api/types.go.

namespace aiw::ollama {
namespace {

class OptionsWriter : OptionsWriterBase {
 public:
  OptionsWriter(const StepInput& input, bool takes_tools, RequestNotes& notes)
      : OptionsWriterBase(input, notes), takes_tools_(takes_tools) {}

  std::string write() {
    // Streaming is the default here, so `stream` is always written.
    writer_.begin_object().field("model", target_.model).field("stream", chat_.stream.upstream);
    format();
    if (chat_.reasoning) think(*chat_.reasoning);
    tools();
    options();
    option("logprobs", chat_.logprobs);
    writer_.end_object();
    return std::move(out_);
  }

 private:
  void format() {
    if (!chat_.response_json) return;
    if (chat_.response_schema.empty()) {
      writer_.field("format", "json");
    } else {
      writer_.field("format", chat_.response_schema);
    }
  }

  // `think` is a switch, or one of three levels. Models without levels treat a level as "on".
  void think(const Reasoning& reasoning) {
    const std::string_view effort = reasoning.effort.raw;
    if (reasoning.budget_tokens.value_or(0) > 0) dropped("reasoning.budgetTokens");
    if (effort == "none" || effort.empty()) {
      writer_.field("think", effort.empty() && reasoning.budget_tokens.value_or(1) > 0);
    } else if (effort == "low" || effort == "minimal") {
      writer_.field("think", "low");
    } else {
      writer_.field("think", effort == "medium" ? "medium" : "high");
    }
  }

  void tools() {
    if (chat_.tools.empty()) return;
    if (!takes_tools_) return dropped("tools");
    const auto choice = chat_.tool_choice ? chat_.tool_choice->type : ToolChoiceType::automatic;
    if (!input_.offer_tools || choice == ToolChoiceType::none) return;
    if (choice != ToolChoiceType::automatic) dropped("toolChoice");
    if (!chat_.parallel_tool_calls.value_or(true)) dropped("parallelToolCalls");
    writer_.key("tools").begin_array();
    for (const Tool& tool : chat_.tools) write_function_tool(writer_, tool);
    writer_.end_array();
  }

  template <typename T>
  void model_option(std::string_view name, const std::optional<T>& value) {
    if (value) options_writer_.field(name, *value);
  }

  void options() {
    model_option("num_predict", output_token_limit(chat_, target_, notes_));
    model_option("temperature", chat_.temperature);
    model_option("top_p", chat_.top_p);
    model_option("top_k", chat_.top_k);
    model_option("seed", chat_.seed);
    model_option("frequency_penalty", chat_.frequency_penalty);
    model_option("presence_penalty", chat_.presence_penalty);
    write_stop_sequences(options_writer_, "stop", chat_);
    if (!options_.empty()) writer_.key("options").begin_object().copy_list(options_).end_object();
  }

  const bool takes_tools_;
  std::string options_;
  JsonWriter options_writer_{options_};
};

// Returns the context size if the chat sets it.
std::optional<std::int64_t> context_tokens(const ChatRequest& chat) {
  std::optional<std::int64_t> found;
  for (const auto& [name, value] : chat.provider_options) {
    if (name != "options") continue;
    EventJson json;
    const auto options = json.parse(value.json);
    if (options) found = get_count(*options, "num_ctx");
  }
  return found;
}

std::size_t text_bytes(const std::vector<Part>& parts) {
  std::size_t bytes = 0;
  for_each_part<TextPart>(parts, [&](const TextPart& part) { bytes += part.text.raw.size(); });
  for_each_part<ToolCallPart>(parts, [&](const ToolCallPart& call) { bytes += call.input.json.size(); });
  for_each_part<ToolResultPart>(parts, [&](const ToolResultPart& result) {
    if (result.output) bytes += result.output->value.json.size() + text_bytes(result.output->parts);
  });
  return bytes;
}

// Ollama drops the oldest messages of a conversation that does not fit, and its response does not report it.
void warn_of_truncation(const StepInput& input, RequestNotes& notes) {
  constexpr std::int64_t kBytesPerToken = 8;  // prose has about four: above this it can hardly fit
  const auto context = context_tokens(input.chat);
  if (!context) return;
  auto bytes = static_cast<std::int64_t>(input.chat.system.raw.size());
  for (const Message& message : input.messages) bytes += static_cast<std::int64_t>(text_bytes(message.parts));
  if (bytes / kBytesPerToken < *context) return;
  notes.add(warning_code::context_exceeded,
            "the conversation hardly fits options.num_ctx: Ollama drops its oldest messages then");
}

// The base URL may be that of Ollama's OpenAI-compatible API.
std::string endpoint(std::string_view base, std::string_view path) {
  while (base.ends_with('/')) base.remove_suffix(1);
  for (const std::string_view ending : {"/v1", "/api"}) {
    if (base.ends_with(ending)) base.remove_suffix(ending.size());
  }
  return join_url(base, path);
}

std::expected<HttpRequest, Error> list_models(const Target& target, std::string_view, std::chrono::sys_seconds) {
  return start_request("GET", endpoint(target.base_url, "api/tags"), {{"Accept", "application/json", false}}, target);
}

std::expected<ModelPage, Error> read_models(std::string_view body) {
  EventJson json;
  const auto root = json.parse(body);
  const auto list = root ? get_array(*root, "models") : std::nullopt;
  if (!list)
    return std::unexpected(upstream_fault(error_code::bad_response, "the answer has no list of models", false));
  ModelPage page;
  for (const JsonElement model : *list) {
    std::string id = json.text(model, "model");
    if (id.empty()) id = json.text(model, "name");
    if (!id.empty()) page.models.push_back({std::move(id), {}, {}, {}});
  }
  return page;
}

// Error: an image by URL, which Ollama does not fetch.
std::expected<void, Error> check_media(const std::vector<Part>& parts, std::size_t index, RequestNotes& notes) {
  for (const Part& part : parts) {
    if (const auto* result = std::get_if<ToolResultPart>(&part); result != nullptr && result->output) {
      if (auto checked = check_media(result->output->parts, index, notes); !checked) return checked;
    }
    const auto* media = std::get_if<MediaPart>(&part);
    if (media == nullptr || is_image(*media)) continue;
    if (media->kind == MediaKind::image && !media->url.empty()) {
      return std::unexpected(invalid_request("Ollama does not fetch images: give the image's data instead of a URL",
                                             "/payload/messages/" + std::to_string(index)));
    }
    notes.add(warning_code::media_dropped, "this provider takes images; other media was left out");
  }
  return {};
}

// One of Ollama's two endpoints.
struct Endpoint {
  std::string_view path;
  bool takes_tools;
  std::span<const std::string_view> reserved;  // members that providerOptions cannot set
  void (*write_conversation)(const StepInput& input, BodyWriter& json, RequestNotes& notes);
};

std::expected<BuiltRequest, Error> build(const Endpoint& to, const StepInput& input) {
  auto http = start_json_post(endpoint(input.target.base_url, to.path), "application/x-ndjson", input);
  if (!http) return std::unexpected(std::move(http).error());
  RequestNotes notes;
  for (std::size_t i = 0; i < input.messages.size(); ++i) {
    if (auto media = check_media(input.messages[i].parts, i, notes); !media) return std::unexpected(media.error());
  }
  warn_of_truncation(input, notes);
  const auto options =
      apply_provider_options(OptionsWriter(input, to.takes_tools, notes).write(), input.chat, to.reserved, notes);
  BuiltRequest built{*std::move(http), {}};
  BodyWriter json(built.http.body);
  json.begin_object().copy_list(std::string_view(options).substr(1, options.size() - 2));
  to.write_conversation(input, json, notes);
  json.end_object();
  built.notes = notes.take();
  return built;
}

std::expected<BuiltRequest, Error> build_chat(const StepInput& input) {
  static constexpr auto kReserved = std::to_array<std::string_view>({"messages", "stream"});
  return build({"api/chat", true, kReserved, write_messages}, input);
}

std::expected<BuiltRequest, Error> build_generate(const StepInput& input) {
  static constexpr auto kReserved = std::to_array<std::string_view>({"prompt", "images", "stream"});
  return build({"api/generate", false, kReserved, write_prompt}, input);
}

std::unique_ptr<ResponseDecoder> make_decoder(BodyFormat format) {
  return make_ndjson_decoder(std::make_unique<Decoder>(), format);
}

}  // namespace

const WireApi kChatApi = {build_chat, make_decoder, http_error, list_models, read_models};
const WireApi kGenerateApi = {build_generate, make_decoder, http_error, list_models, read_models};

}  // namespace aiw::ollama
