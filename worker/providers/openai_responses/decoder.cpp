#include "worker/providers/openai_responses/decoder.hpp"

#include <algorithm>

#include "protocol/codes.hpp"
#include "protocol/json_text.hpp"
#include "worker/base/white_space.hpp"
#include "worker/providers/codec/finish_reasons.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/logprobs_writer.hpp"
#include "worker/providers/openai_chat/usage.hpp"

namespace aiw::openai_responses {
namespace {

constexpr std::int64_t kMaxIndex = 1'000'000;  // higher numbers are treated as this one

std::int64_t index_of(const JsonElement& value) { return std::min(as_count(value).value_or(0), kMaxIndex); }

}  // namespace

Decoder::Event Decoder::read_event(const JsonElement& root) {
  Event event;
  for (const auto [key, value] : members_of(root)) {
    if (key == "type") {
      event.type = as_string(value);
    } else if (key == "delta") {
      event.delta = value;
    } else if (key == "output_index") {
      event.output_index = index_of(value);
    } else if (key == "content_index" || key == "summary_index") {
      event.index = index_of(value);
    } else if (key == "logprobs") {
      event.logprobs = value;
    } else if (key == "text" || key == "arguments" || key == "input" || key == "refusal") {
      event.whole = value;
    } else if (key == "item") {
      event.item = value;
    } else if (key == "part") {
      event.part = value;
    } else if (key == "response") {
      event.response = value;
    } else if (key == "annotation") {
      event.annotation = value;
    } else if (key == "error" && reports_error(value)) {
      event.error = value;
    }
  }
  return event;
}

// Returns the slot of an event: "response.output_text.delta" is a text's, if `ending` is ".delta".
std::optional<Decoder::Slot> Decoder::slot_of(std::string_view type, std::string_view ending) {
  constexpr std::string_view kBeginning = "response.";
  if (!type.starts_with(kBeginning) || !type.ends_with(ending)) return std::nullopt;
  const auto name = type.substr(kBeginning.size(), type.size() - kBeginning.size() - ending.size());
  if (name == "output_text") return Slot::text;
  if (name == "function_call_arguments" || name == "custom_tool_call_input") return Slot::input;
  if (name == "reasoning_summary_text" || name == "reasoning_summary") return Slot::summary;
  if (name == "reasoning_text" || name == "reasoning") return Slot::reasoning;
  if (name == "refusal") return Slot::refusal;
  return std::nullopt;
}

void Decoder::add_event(const EventJson& json, const JsonElement& root, std::string_view type, StepSink& sink) {
  json_ = &json;
  Event event = read_event(root);
  if (event.type.empty()) event.type = type;
  if (event.output_index < 0) {
    const bool begins = event.type == "response.output_item.added" && !items_.empty();
    event.output_index = begins ? items_.rbegin()->first + 1 : std::max<std::int64_t>(latest_.first, 0);
  }
  on_event(event, root, sink);
}

void Decoder::on_event(const Event& event, const JsonElement& root, StepSink& sink) {
  const auto type = event.type;
  if (const auto slot = slot_of(type, ".delta")) return add_delta(event, *slot, sink);
  if (type == "response.output_item.added") {
    if (event.item) begin_item(event.output_index, *event.item, sink);
  } else if (type == "response.output_item.done") {
    if (event.item) end_item(event.output_index, *event.item, sink);
  } else if (type == "response.output_text.annotation.added") {
    add_annotation(event, sink);
  } else if (type == "response.completed" || type == "response.incomplete") {
    end_reported(type.substr(type.find('.') + 1), event.response.value_or(root), sink);
  } else if (type == "response.failed" || type == "response.cancelled") {
    fail_answer(event.response.value_or(root), sink);
  } else if (type == "response.content_part.done") {
    complete_part(event, sink);
  } else if (type == "error" || event.error) {
    fail(in_stream_error(*json_, event.error.value_or(root)), sink);
  } else if (const auto slot = slot_of(type, ".done"); slot && event.whole) {
    complete_streamed(event, *slot, json_->plain_text(as_string(*event.whole)), sink);
  }
}

void Decoder::add_delta(const Event& event, Slot slot, StepSink& sink) {
  const auto text = as_string(event.delta);
  Item* const item = open_item_at(event.output_index, sink);
  if (item == nullptr) return;
  Content& content = item->contents[{slot == Slot::input ? 0 : event.index, slot}];
  show(*item, slot, content, content.joiner.add(text, json_->repaired()), sink);
  if (event.logprobs && content.part >= 0) report_logprobs(content, *event.logprobs, sink);
}

void Decoder::complete_part(const Event& event, StepSink& sink) {
  if (!event.part || open_item_at(event.output_index, sink) == nullptr) return;
  const auto type = get_string_or_empty(*event.part, "type");
  if (type == "refusal") return complete_streamed(event, Slot::refusal, json_->text(*event.part, "refusal"), sink);
  if (type == "output_text") complete_streamed(event, Slot::text, json_->text(*event.part, "text"), sink);
}

void Decoder::complete_streamed(const Event& event, Slot slot, std::string_view whole, StepSink& sink) {
  Item* const item = open_item_at(event.output_index, sink);
  if (item == nullptr) return;
  Content& content = slot == Slot::input ? item->contents[{0, slot}]
                                         : content_of(*item, event.index, slot, whole, Numbering::of_stream);
  complete(*item, slot, content, whole, sink);
}

void Decoder::add_annotation(const Event& event, StepSink& sink) {
  Item* const item = open_item_at(event.output_index, sink);
  if (item == nullptr || !event.annotation) return;
  ++item->contents[{event.index, Slot::text}].sources;
  report_source(*event.annotation, sink);
}

void Decoder::add_body(const EventJson& json, const JsonElement& root, StepSink& sink) {
  json_ = &json;
  const auto status = get_string(root, "status").value_or("completed");
  const auto error = get_error(root);
  if (error) return fail(in_stream_error(*json_, *error), sink);
  if (status == "failed" || status == "cancelled") return fail_answer(root, sink);
  if (!get_array(root, "output")) {
    return fail(error_code::bad_response, "the answer's body has no output", false, sink);
  }
  if (status == "queued" || status == "in_progress") {
    return fail(error_code::bad_response, "the answer is still being made (background)", false, sink);
  }
  end_answer(status, root, sink);
}

// The response's own status overrides the event's name: vLLM calls every end `response.completed`.
void Decoder::end_reported(std::string_view event_status, const JsonElement& response, StepSink& sink) {
  const auto status = get_string(response, "status").value_or(event_status);
  const bool failed = status == "failed" || status == "cancelled" || get_error(response);
  if (failed) return fail_answer(response, sink);
  if (items_.empty() && !get_array(response, "output")) {
    return fail(error_code::bad_response, "the answer ended without any output", false, sink);
  }
  if (status != event_status && status != "incomplete") {
    sink.warning(warning_code::status_contradicted, "the answer ended, and its status is another");
  }
  end_answer(status == "incomplete" ? status : event_status, response, sink);
}

void Decoder::fail_answer(const JsonElement& response, StepSink& sink) {
  const auto error = get_error(response);
  if (error) return fail(in_stream_error(*json_, *error), sink);
  fail(in_stream_error(json_->text(response, "status"), "the provider cancelled the response"), sink);
}

void Decoder::flush(StepSink& sink) {
  for (auto& [index, item] : items_) close_item(item, false, sink);
}

void Decoder::end_answer(std::string_view status, const JsonElement& response, StepSink& sink) {
  const bool completed = status == "completed";
  add_missing_items(response, sink);
  if (ended_) return;
  for (auto& [index, item] : items_) close_item(item, completed, sink);
  if (const auto usage = get_member(response, "usage")) UsageTally().add(openai_chat::read_usage(*usage), sink);
  ended_ = true;
  if (completed) {
    if (has_incomplete_message_) {
      sink.warning(warning_code::status_contradicted, "the answer is completed, and one of its messages is not");
    }
    const auto others = has_refusal_ ? FinishReason::refusal : FinishReason::stop;
    return sink.finish(has_client_call_ ? FinishReason::tool_calls : others, status);
  }
  const auto details = get_member(response, "incomplete_details");
  const std::string reason = details ? bounded_message(json_->text(*details, "reason"), 256) : std::string();
  if (auto error = finish_reason_error(reason)) return sink.fail(*std::move(error));
  sink.finish(shared_finish_reason(reason), reason.empty() ? bounded_message(json_->plain_text(status), 256) : reason);
}

// Adds items whose events or end events were missing. Matches items by id first, because some servers leave items out
// of the whole output. Does nothing if at least as many items ended as the output has, so gateways with their own
// numbers or ids for items cause no duplicates.
void Decoder::add_missing_items(const JsonElement& response, StepSink& sink) {
  const auto output = get_array(response, "output");
  if (!output || done_items_ >= output->size()) return;
  std::int64_t index = 0;
  for (const JsonElement element : *output) {
    const auto id = get_string_or_empty(element, "id");
    const auto begun = id.empty() ? begun_.end() : begun_.find(json_->plain_text(id));
    if (!ended_) end_item(begun == begun_.end() ? index : begun->second, element, sink);
    ++index;
  }
}

Decoder::Item* Decoder::item_at(std::int64_t output_index, StepSink& sink) {
  if (latest_.second != nullptr && latest_.first == output_index) return latest_.second;
  const auto found = items_.find(output_index);
  if (found == items_.end() && items_.size() >= kMaxItems) {
    fail(error_code::too_many_items, "the answer has too many items", false, sink);
    return nullptr;
  }
  latest_ = {output_index, found != items_.end() ? &found->second : &items_[output_index]};
  return latest_.second;
}

Decoder::Item* Decoder::open_item_at(std::int64_t output_index, StepSink& sink) {
  Item* const item = item_at(output_index, sink);
  return item == nullptr || item->done ? nullptr : item;
}

void Decoder::begin_item(std::int64_t output_index, const JsonElement& element, StepSink& sink) {
  Item* const item = item_at(output_index, sink);
  if (item == nullptr) return;
  const bool is_new = !item->done && item->contents.empty() && item->name.empty();
  if (const auto id = get_string_or_empty(element, "id"); is_new && output_index >= 0 && id.size() <= kMaxItemId) {
    begun_.emplace(json_->plain_text(id), output_index);
  }
  // A repeated number means another item.
  if (!item->done) close_item(*item, false, sink);
  *item = {};
  read_call_names(*item, element);
}

void Decoder::close_item(Item& item, bool completed, StepSink& sink) {
  if (item.done) return;
  item.done = true;
  for (auto& [key, content] : item.contents) {
    if (key.second != Slot::input) {
      complete(item, key.second, content, {}, sink);
    } else if (completed && !item.name.empty()) {
      end_input(item, {}, false, {}, sink);
    }
  }
  item.contents.clear();
}

void Decoder::read_call_names(Item& item, const JsonElement& element) const {
  const auto type = get_string_or_empty(element, "type");
  item.is_custom = type == "custom_tool_call";
  if (type != "function_call" && !item.is_custom) return;
  item.name = read_tool_name(*json_, element);
  // Keeps an id under which input was already streamed.
  if (item.call_id.empty()) item.call_id = read_call_id(*json_, element, "call_id");
}

const std::string& Decoder::call_id_of(Item& item, int part) {
  if (item.call_id.empty()) item.call_id = "call_" + std::to_string(part);
  return item.call_id;
}

void Decoder::StreamedText::append(std::string_view more) {
  const auto first = more.find_first_not_of(kWhiteSpace), last = more.find_last_not_of(kWhiteSpace);
  if (first != std::string_view::npos) {
    if (end == 0) begin = all.size() + first;
    end = all.size() + last + 1;
  }
  all += more;
}

void Decoder::show(Item& item, Slot slot, Content& content, std::string_view text, StepSink& sink) {
  if (text.empty()) return;
  const bool begins = content.text.all.empty();
  content.text.append(text);
  if (slot == Slot::input && item.name == kParallelTools) return;
  if (content.part < 0) content.part = next_part_++;
  switch (slot) {
    case Slot::text: return sink.delta(content.part, ContentKind::text, text, {});
    case Slot::refusal: has_refusal_ = true; return sink.delta(content.part, ContentKind::refusal, text, {});
    case Slot::summary:
    case Slot::reasoning: return sink.delta(content.part, ContentKind::reasoning, text, {});
    case Slot::input: break;
  }
  const std::string& id = call_id_of(item, content.part);
  if (begins) sink.tool_input_began(content.part, id, item.name);
  if (!item.is_custom) return sink.delta(content.part, ContentKind::tool_input, text, id);
  std::string escaped = begins ? "\"" : "";
  append_json_escaped(escaped, text);
  sink.delta(content.part, ContentKind::tool_input, escaped, id);
}

void Decoder::complete(Item& item, Slot slot, Content& content, std::string_view whole, StepSink& sink) {
  show(item, slot, content, std::string(content.joiner.flush()), sink);
  if (whole.starts_with(content.text.all)) {
    return show(item, slot, content, whole.substr(content.text.all.size()), sink);
  }
  if (whole.empty()) return;
  // The streamed input of a call is a preview, and the final input counts. Reasoning may have more than one form.
  if (slot == Slot::input) content.text.all = whole;
  // Servers trim white space from the whole text.
  if ((slot != Slot::text && slot != Slot::refusal) || trim(whole) == content.text.trimmed()) return;
  fail(error_code::bad_event, "the end of a text contradicts the text that was streamed", false, sink);
}

Decoder::Content& Decoder::content_of(Item& item, std::int64_t index, Slot slot, std::string_view whole,
                                      Numbering numbering) {
  const auto is_taken = [&](const Content& content) {
    return numbering == Numbering::of_item && content.ended_as >= 0 && content.ended_as != index;
  };
  const auto take = [&](Content& content) -> Content& {
    if (numbering == Numbering::of_item) content.ended_as = index;
    return content;
  };
  const auto own = item.contents.find({index, slot});
  if (own != item.contents.end() && !own->second.text.all.empty() && !is_taken(own->second)) return take(own->second);
  for (const std::int64_t neighbour : {index + 1, index - 1}) {
    const auto other = item.contents.find({neighbour, slot});
    if (other == item.contents.end() || other->second.text.all.empty() || is_taken(other->second)) continue;
    if (other->second.text.trimmed() == trim(whole)) return take(other->second);
  }
  const bool own_is_free = own == item.contents.end() || !is_taken(own->second);
  return take(item.contents[{own_is_free ? index : index + kMaxIndex + 1, slot}]);
}

void Decoder::report_logprobs(Content& content, const JsonElement& tokens, StepSink& sink) {
  LogprobsWriter writer;
  add_token_entries(*json_, tokens, writer);
  if (writer.empty()) return;
  content.has_logprobs = true;
  sink.logprobs(content.part, writer.finish());
}

void Decoder::report_sources(Content& content, const JsonElement& annotations, StepSink& sink) {
  std::size_t number = 0;
  for (const JsonElement annotation : elements_of(annotations)) {
    if (number++ >= content.sources) report_source(annotation, sink);
  }
  content.sources = std::max(content.sources, number);
}

void Decoder::report_source(const JsonElement& annotation, StepSink& sink) {
  Source source{.id = json_->text(annotation, "file_id"),
                .url = json_->text(annotation, "url"),
                .title = json_->text(annotation, "title"),
                .filename = json_->text(annotation, "filename")};
  if (source.url.empty()) source.type = Source::Type::document;
  if (!source.url.empty() || !source.id.empty()) sink.source(source);
}

}  // namespace aiw::openai_responses
