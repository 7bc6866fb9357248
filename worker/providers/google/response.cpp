#include "worker/providers/google/response.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "protocol/ascii.hpp"
#include "protocol/codes.hpp"
#include "protocol/json_writer.hpp"
#include "worker/providers/codec/finish_reasons.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/json_event_decoder.hpp"
#include "worker/providers/codec/tool_output.hpp"
#include "worker/providers/google/state.hpp"

namespace aiw::google {
namespace {

// True for members that describe how to read a part.
bool describes_part(std::string_view key) {
  return key == "videoMetadata" || key == "partMetadata" || key == "mediaResolution";
}

// True for members that hold a part's content. A part has one of them.
bool is_known_kind(std::string_view key) {
  constexpr std::string_view kKinds[] = {"functionCall",        "inlineData", "fileData",    "executableCode",
                                         "codeExecutionResult", "toolCall",   "toolResponse"};
  return std::ranges::find(kKinds, key) != std::end(kKinds);
}

// Returns the name of a provider's tool: "code_execution", or a ToolType such as GOOGLE_SEARCH_WEB in lower case.
std::string own_tool_name(const EventJson& json, const JsonElement& call, bool is_code) {
  if (is_code) return "code_execution";
  const std::string name = ascii_lower(json.text(call, "toolType"));
  return name.empty() ? "provider_tool" : name;
}

}  // namespace

void Response::add_event(const EventJson& json, const JsonElement& root, std::string_view type, StepSink& sink) {
  if (type == "error") return fail(in_stream_error(json, get_error(root).value_or(root)), sink);
  json_ = &json;
  std::optional<JsonElement> candidates, usage, feedback, error;
  read_members(root,
               {{"candidates", candidates}, {"usageMetadata", usage}, {"promptFeedback", feedback}, {"error", error}});
  for (const JsonElement candidate : elements_of(candidates)) {
    if (!ended_) add_candidate(candidate, sink);
  }
  if (feedback) add_feedback(*feedback, sink);
  if (ended_) return;
  if (usage) add_usage(*usage, sink);
  if (error && reports_error(*error)) fail(in_stream_error(json, *error), sink);
}

void Response::add_body(const EventJson& json, const JsonElement& root, StepSink& sink) {
  add_event(json, root, {}, sink);
  if (ended_) return;
  if (!has_content_)
    return fail(error_code::bad_response, "the answer has neither candidates nor an error", true, sink);
  if (asked_ == BodyFormat::unary) return finish(sink);
  end_of_stream(sink);
}

void Response::end_of_stream(StepSink& sink) {
  if (!finish_raw_.empty()) return finish(sink);
  fail(error_code::truncated_stream, "the answer stopped before it said why it ends", true, sink);
}

void Response::add_candidate(const JsonElement& candidate, StepSink& sink) {
  if (!candidate.is_object() || get_count(candidate, "index").value_or(0) != 0) return;
  has_content_ = true;
  std::optional<JsonElement> logprobs;
  for (const auto [key, value] : members_of(candidate)) {
    if (ended_) return;
    if (key == "content") {
      for (const JsonElement part : elements_of(value, "parts")) {
        if (!ended_) add_part(part, sink);
      }
    } else if (key == "finishReason") {
      // Some servers send it in each chunk, and the last one counts. A number is the enum's value, which JSON should
      // not hold.
      const auto number = as_count(value);
      const std::string raw = number ? std::to_string(*number) : read_finish_reason(*json_, as_string(value));
      if (!raw.empty()) finish_raw_ = raw;
    } else if (key == "finishMessage") {
      if (value.is_string()) finish_message_ = bounded_message(json_->plain_text(as_string(value)));
    } else if (key == "groundingMetadata") {
      sources_.add_grounding(*json_, value, sink);
      grounding_.add(*json_, value);
    } else if (key == "citationMetadata") {
      sources_.add_citations(*json_, value, sink);
    } else if (key == "urlContextMetadata") {
      sources_.add_url_context(*json_, value, sink);
    } else if (key == "logprobsResult") {
      logprobs = value;
    }
  }
  if (!logprobs) return;
  const std::string tokens = read_logprobs(*json_, *logprobs);
  if (!tokens.empty()) sink.logprobs(std::max(open_part_, 0), tokens);
}

void Response::add_part(const JsonElement& part, StepSink& sink) {
  std::optional<std::string_view> text;
  std::optional<JsonElement> held;
  std::string_view kind, signature;
  bool thought = false;
  for (const auto [key, value] : members_of(part)) {
    if (value.is_object()) {
      if (describes_part(key) || (held && !is_known_kind(key))) continue;
      kind = key;
      held = value;
    } else if (key == "text") {
      if (value.is_string()) text = as_string(value);
    } else if (key == "thoughtSignature") {
      std::ignore = value.get(signature);
    } else if (key == "thought") {
      std::ignore = value.get(thought);
    }
  }
  if (kind == "functionCall") return add_function_call(*held, signature, sink);
  if (kind == "inlineData" || kind == "fileData") return add_file(*held, thought, signature, sink);
  if (kind == "executableCode" || kind == "toolCall") return add_own_call(part, *held, kind == "executableCode", sink);
  if (kind == "codeExecutionResult" || kind == "toolResponse") {
    return add_own_result(part, *held, kind == "codeExecutionResult", sink);
  }
  if (text || !signature.empty()) return add_text(text.value_or(""), thought, signature, sink);
  if (!held) return;
  const int number = next_part(sink);
  if (!ended_) sink.provider_state(number, make_state(kStateTag, kPart, json_->json_text(part)));
}

// A signature belongs to the part with which it came. Such a part is not merged with the parts before or after it.
void Response::add_text(std::string_view text, bool thought, std::string_view signature, StepSink& sink) {
  if (text.empty() && signature.empty()) return;
  const ContentKind kind = thought ? ContentKind::reasoning : ContentKind::text;
  if (open_part_ < 0 || open_thought_ != thought || !signature.empty()) {
    const int number = next_part(sink);
    if (ended_) return;
    open_part_ = number;
    open_thought_ = thought;
  }
  const auto joined = joiner_.add(text, json_->repaired());
  if (!joined.empty() || !signature.empty()) sink.delta(open_part_, kind, joined, {});
  if (!signature.empty()) close_text(json_->plain_text(signature), sink);
}

void Response::close_text(std::string_view signature, StepSink& sink) {
  if (open_part_ < 0) return;
  const auto rest = joiner_.flush();
  if (!rest.empty()) sink.delta(open_part_, open_thought_ ? ContentKind::reasoning : ContentKind::text, rest, {});
  if (!open_thought_) last_text_ = {open_part_, std::string(signature)};
  // Thoughts are sent back as thoughts, but only if this API made them.
  if (open_thought_ || !signature.empty()) {
    sink.provider_state(open_part_, write_state(signature, open_thought_));
  }
  open_part_ = -1;
}

int Response::next_part(StepSink& sink) {
  close_text({}, sink);
  if (streamed_) end_call(true, sink);
  if (parts_ >= kMaxParts) fail(error_code::too_many_parts, "the answer has too many parts", false, sink);
  return parts_++;
}

std::string Response::call_id(const JsonElement& call) {
  std::string id = read_call_id(*json_, call, "id");
  return id.empty() ? "call_" + std::to_string(made_ids_++) : id;
}

// A call with a name begins a new call. One without a name continues the streamed call, and ends it unless it announces
// more.
void Response::add_function_call(const JsonElement& call, std::string_view signature, StepSink& sink) {
  std::string name = read_tool_name(*json_, call);
  if (name.empty()) {
    if (streamed_ && !signature.empty()) streamed_->signature = json_->plain_text(signature);
    if (streamed_) continue_call(call, sink);
    return;
  }
  const int number = next_part(sink);
  if (ended_) return;
  streamed_ = StreamedCall{number, call_id(call), std::move(name), json_->plain_text(signature)};
  continue_call(call, sink);
}

void Response::continue_call(const JsonElement& call, StepSink& sink) {
  if (const auto partial = get_array(call, "partialArgs")) {
    for (const JsonElement value : *partial) {
      if (streamed_->args.add(*json_, value, streamed_->input)) continue;
      return fail(error_code::bad_event, "partial arguments of a call are out of order", true, sink);
    }
    send_input(sink);
  } else if (const auto args = get_member(call, "args"); args && streamed_->input.empty()) {
    streamed_->input = json_->text_or_json(*args);
    return end_call(true, sink);
  }
  if (!get_bool(call, "willContinue").value_or(false)) end_call(true, sink);
}

// Sends the new bytes of the call's input.
void Response::send_input(StepSink& sink) {
  const auto grown = std::string_view(streamed_->input).substr(streamed_->sent);
  if (grown.empty()) return;
  if (streamed_->sent == 0) sink.tool_input_began(streamed_->part, streamed_->id, streamed_->name);
  sink.delta(streamed_->part, ContentKind::tool_input, grown, streamed_->id);
  streamed_->sent = streamed_->input.size();
}

// `complete` means that the call was not cut short.
void Response::end_call(bool complete, StepSink& sink) {
  if (complete) {
    streamed_->args.close(streamed_->input);
    if (streamed_->sent > 0) send_input(sink);
    if (!streamed_->signature.empty()) {
      sink.provider_state(streamed_->part, write_state(streamed_->signature, false));
    }
    has_calls_ = true;
    sink.tool_call(streamed_->part, {std::move(streamed_->id), std::move(streamed_->name),
                                     complete_arguments(std::move(streamed_->input)), false});
  }
  streamed_.reset();
}

void Response::add_file(const JsonElement& file, bool thought, std::string_view signature, StepSink& sink) {
  GeneratedFile made{.media_type = json_->text(file, "mimeType"), .data = json_->text(file, "data")};
  if (made.data.empty()) made.url = json_->text(file, "fileUri");
  if (made.data.empty() && made.url.empty()) return;
  const int number = next_part(sink);
  if (ended_) return;
  if (thought || !signature.empty()) sink.provider_state(number, write_state(json_->plain_text(signature), thought));
  sink.file(number, std::move(made));
}

// Adds a call that the provider runs itself: executableCode, or a toolCall. Both are sent back whole.
void Response::add_own_call(const JsonElement& part, const JsonElement& call, bool is_code, StepSink& sink) {
  const int number = next_part(sink);
  if (ended_) return;
  own_call_id_ = call_id(call);
  own_calls_.insert(own_call_id_);
  std::string input = "{}";
  if (is_code) {
    input.clear();
    JsonWriter(input)
        .begin_object()
        .field("language", json_->text(call, "language"))
        .field("code", json_->text(call, "code"))
        .end_object();
  } else if (const auto args = get_member(call, "args")) {
    input = json_->json_text(*args);
  }
  sink.tool_call(number, {own_call_id_, own_tool_name(*json_, call, is_code), std::move(input), true});
  sink.provider_state(number, make_state(kStateTag, kPart, json_->json_text(part)));
}

// A result names its call, or follows it.
void Response::add_own_result(const JsonElement& part, const JsonElement& result, bool is_code, StepSink& sink) {
  const int number = next_part(sink);
  if (ended_) return;
  std::string id = read_call_id(*json_, result, "id");
  if (id.empty()) id = own_call_id_;
  if (own_calls_.contains(id)) {
    const bool failed = is_code && get_string_or_empty(result, "outcome") != "OUTCOME_OK";
    const auto response = is_code ? std::nullopt : get_member(result, "response");
    const std::string output = tool_output_json("json", failed, json_->json_text(response.value_or(result)));
    sink.tool_result({std::move(id), own_tool_name(*json_, result, is_code), output});
  }
  sink.provider_state(number, make_state(kStateTag, kPart, json_->json_text(part)));
}

void Response::add_feedback(const JsonElement& feedback, StepSink& sink) {
  const auto reason = get_string(feedback, "blockReason");
  if (!reason || reason->empty()) return;
  close_text({}, sink);
  blocked_ = has_content_ = true;
  finish_raw_ = bounded_message(json_->plain_text(*reason), 256);
  finish_message_ = bounded_message(json_->text(feedback, "blockReasonMessage"));
}

void Response::add_usage(const JsonElement& metadata, StepSink& sink) {
  has_usage_metadata_ = true;
  auto usage = read_usage(metadata);
  if (!usage) return;
  usage->accuracy = UsageAccuracy::last_seen;
  include_parts(*usage);
  usage_ = usage;
  sink.usage(*usage);
}

FinishReason Response::finish_reason() const {
  if (blocked_) return FinishReason::content_filter;
  const FinishReason reason = shared_finish_reason(finish_raw_);
  return has_calls_ && (reason == FinishReason::stop || finish_raw_.empty()) ? FinishReason::tool_calls : reason;
}

// Returns the error if this API reports a failure by a finish reason or by an empty response.
std::optional<Error> Response::failure() const {
  if (blocked_) return std::nullopt;
  if (auto error = finish_reason_error(finish_raw_, finish_message_)) return error;
  const bool says_nothing = finish_raw_.empty() || shared_finish_reason(finish_raw_) == FinishReason::stop;
  if (parts_ > 0 || !says_nothing) return std::nullopt;
  constexpr std::string_view kEmpty = "the answer ended without any content";
  return upstream_fault(error_code::bad_response, finish_message_.empty() ? kEmpty : std::string_view(finish_message_),
                        true);
}

// Reports the grounding as state of the text that it describes, or of a part of its own.
void Response::report_grounding(StepSink& sink) {
  if (grounding_.empty()) return;
  const int part = last_text_.first >= 0 ? last_text_.first : parts_++;
  sink.provider_state(part, write_state(last_text_.second, false, grounding_.json()));
}

void Response::finish(StepSink& sink) {
  close_text({}, sink);
  if (streamed_) end_call(finish_raw_ == "STOP", sink);
  // The API omits zeros, so metadata without counts means that a blocked prompt cost nothing.
  if (!usage_ && has_usage_metadata_ && blocked_) {
    usage_.emplace();
    usage_->input_tokens = usage_->output_tokens = usage_->total_tokens = 0;
  }
  if (usage_) {
    usage_->accuracy = UsageAccuracy::exact;
    sink.usage(*usage_);
  }
  if (auto error = failure()) return fail(*std::move(error), sink);
  report_grounding(sink);
  const FinishReason reason = finish_reason();
  const bool is_usual = reason == FinishReason::stop || reason == FinishReason::tool_calls;
  if (!finish_message_.empty() && !is_usual) sink.warning(warning_code::finish_message, finish_message_);
  report_finish(reason, finish_raw_, sink);
}

}  // namespace aiw::google
