#include "worker/providers/codec/request.hpp"

#include <array>
#include <utility>

#include "protocol/json_writer.hpp"
#include "worker/providers/codec/body_writer.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/options_writer.hpp"
#include "worker/providers/codec/transcript_prompt.hpp"
#include "worker/providers/openai_chat/address.hpp"
#include "worker/providers/openai_chat/decoder.hpp"
#include "worker/providers/openai_chat/model_list.hpp"
#include "worker/providers/wire_apis.hpp"

namespace aiw::openai_completions {
namespace {

constexpr std::array<std::string_view, 2> kReserved = {"prompt", "stream"};

class OptionsWriter : OptionsWriterBase {
 public:
  OptionsWriter(const StepInput& input, RequestNotes& notes) : OptionsWriterBase(input, notes) {}

  std::string write() {
    writer_.begin_object().field("model", target_.model).field("stream", chat_.stream.upstream);
    if (chat_.stream.upstream) {
      writer_.key("stream_options").begin_object().field("include_usage", true).end_object();
    }
    option("max_tokens", output_token_limit(chat_, target_, notes_));
    option("temperature", chat_.temperature);
    option("top_p", chat_.top_p);
    option("frequency_penalty", chat_.frequency_penalty);
    option("presence_penalty", chat_.presence_penalty);
    option("seed", chat_.seed);
    // Number of alternatives: 0 requests only the chosen tokens.
    if (chat_.logprobs.value_or(false)) writer_.field("logprobs", 0);
    write_stop_sequences(writer_, "stop", chat_);
    writer_.end_object();
    note_the_rest();
    return std::move(out_);
  }

 private:
  void note_the_rest() {
    if (!chat_.tools.empty()) dropped("tools");
    if (chat_.response_json) dropped("responseFormat");
    if (chat_.reasoning) dropped("reasoning");
    if (chat_.top_k) dropped("topK");
  }
};

std::expected<BuiltRequest, Error> build(const StepInput& input) {
  auto http = start_json_post(openai_chat::openai_url(input.target, "completions"), "text/event-stream", input);
  if (!http) return std::unexpected(std::move(http).error());
  RequestNotes notes;
  const auto options = apply_provider_options(OptionsWriter(input, notes).write(), input.chat, kReserved, notes);
  BuiltRequest built{*std::move(http), {}};
  BodyWriter json(built.http.body);
  json.begin_object().copy_list(std::string_view(options).substr(1, options.size() - 2)).key("prompt").begin_string();
  append_transcript_prompt(input.chat.system, input.messages, false, json.out(), notes);
  json.end_string().end_object();
  built.notes = notes.take();
  return built;
}

}  // namespace

const WireApi kApi = {build, make_sse_decoder<openai_chat::Decoder>, http_error, openai_chat::list_models,
                      openai_chat::read_models};

}  // namespace aiw::openai_completions
