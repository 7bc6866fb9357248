// Ends the items of a response: reports each to the parent, and the state to send back to the provider.
#include "protocol/json_writer.hpp"
#include "worker/providers/codec/provider_state.hpp"
#include "worker/providers/codec/tool_output.hpp"
#include "worker/providers/openai_responses/decoder.hpp"
#include "worker/providers/openai_responses/items.hpp"
#include "worker/providers/openai_responses/state.hpp"

namespace aiw::openai_responses {
namespace {

std::string in_braces(std::string_view members) { return "{" + std::string(members) + "}"; }

std::string item_state(std::string_view item) { return make_state(kStateTag, kItem, item); }

// `members` has no braces; empty: no state.
std::string state_of(std::string_view name, std::string_view members) {
  return members.empty() ? std::string() : make_state(kStateTag, name, in_braces(members));
}

// Continues members that are already written.
JsonWriter writer_of(std::string& members) { return JsonWriter(members, !members.empty()); }

}  // namespace

void Decoder::end_item(std::int64_t output_index, const JsonElement& element, StepSink& sink) {
  Item* const item = element.is_object() ? open_item_at(output_index, sink) : nullptr;
  if (item == nullptr) return;
  item->done = true;
  ++done_items_;
  const auto type = get_string_or_empty(element, "type");
  if (type == "message") {
    end_message(*item, element, sink);
  } else if (type == "reasoning") {
    end_reasoning(*item, element, sink);
  } else if (type == "function_call" || type == "custom_tool_call") {
    const bool by_provider = item_kind(type, element).role == ItemRole::provider_call;
    end_text_call(*item, element, by_provider, sink);
  } else if (type == "image_generation_call" && !get_string_or_empty(element, "result").empty()) {
    end_image(element, sink);
  } else if (!type.empty()) {
    end_other(type, element, sink);
  }
  if (ended_) return;
  for (auto& [key, content] : item->contents) complete(*item, key.second, content, {}, sink);
  item->contents.clear();
}

void Decoder::end_message(Item& item, const JsonElement& element, StepSink& sink) {
  std::string common = other_members(*json_, element, {"type", "role", "content", "status"});
  if (get_string(element, "status") == "incomplete") {
    writer_of(common).field("status", "incomplete");
    has_incomplete_message_ = true;
  }
  std::int64_t index = 0;
  for (const JsonElement content : elements_of(element, "content")) {
    if (!ended_) end_message_part(item, index++, content, common, sink);
  }
}

void Decoder::end_message_part(Item& item, std::int64_t index, const JsonElement& element, std::string_view common,
                               StepSink& sink) {
  const auto type = get_string_or_empty(element, "type");
  const bool refusal = type == "refusal";
  if (!refusal && type != "output_text" && type != "text") return;
  const Slot slot = refusal ? Slot::refusal : Slot::text;
  const std::string whole = json_->text(element, refusal ? "refusal" : "text");
  Content& content = content_of(item, index, slot, whole, Numbering::of_item);
  complete(item, slot, content, whole, sink);
  if (ended_) return;
  std::string members(repeated_ <= kMaxRepeated ? common : std::string_view());
  repeated_ += common.size();
  if (const auto annotations = get_member(element, "annotations")) {
    report_sources(content, *annotations, sink);
    const std::string json = json_->json_text(*annotations);
    if (json != "[]") writer_of(members).key("annotations").copy(json);
  }
  if (content.part < 0) return;
  const auto tokens = get_member(element, "logprobs");
  if (tokens && !content.has_logprobs) report_logprobs(content, *tokens, sink);
  if (refusal) writer_of(members).field("refusal", true);
  if (!members.empty()) sink.provider_state(content.part, state_of(kText, members));
}

void Decoder::end_reasoning(Item& item, const JsonElement& element, StepSink& sink) {
  for (const auto& [name, slot] : {std::pair("summary", Slot::summary), std::pair("content", Slot::reasoning)}) {
    std::int64_t index = 0;
    for (const JsonElement text : elements_of(element, name)) {
      const std::string whole = json_->text(text, "text");
      complete(item, slot, content_of(item, index++, slot, whole, Numbering::of_item), whole, sink);
    }
  }
  int part = -1;
  for (const auto& [key, content] : item.contents) {
    if (content.part >= 0 && (part < 0 || content.part < part)) part = content.part;
  }
  if (part < 0) {
    // Hidden reasoning must be sent back as well.
    part = next_part_++;
    sink.delta(part, ContentKind::reasoning, {}, {});
  }
  sink.provider_state(part, item_state(json_->json_text(element)));
}

void Decoder::end_text_call(Item& item, const JsonElement& element, bool by_provider, StepSink& sink) {
  read_call_names(item, element);
  const auto input = get_member(element, item.is_custom ? "input" : "arguments");
  const std::string whole = input ? json_->text_or_json(*input) : std::string();
  // The model was stopped within its call.
  if (get_string(element, "status") == "incomplete") return;
  std::string state;
  if (by_provider) {
    state = item_state(json_->json_text(element));
  } else {
    std::string members =
        other_members(*json_, element, {"type", "call_id", "name", item.is_custom ? "input" : "arguments", "status"});
    if (item.is_custom) writer_of(members).field("type", "custom_tool_call");
    state = state_of(kCall, members);
  }
  end_input(item, whole, by_provider, std::move(state), sink);
}

void Decoder::end_input(Item& item, std::string_view whole, bool by_provider, std::string state, StepSink& sink) {
  Content& content = item.contents[{0, Slot::input}];
  complete(item, Slot::input, content, whole, sink);
  std::string input(whole.empty() ? std::string_view(content.text.all) : whole);
  if (item.name == kParallelTools && end_parallel_calls(item, input, sink)) return;
  if (item.is_custom) {
    if (content.part >= 0) sink.delta(content.part, ContentKind::tool_input, "\"", item.call_id);
    input = json_string(input);
  }
  if (content.part < 0) content.part = next_part_++;
  report_call(content.part,
              {call_id_of(item, content.part), item.name, complete_arguments(std::move(input)), by_provider}, sink);
  if (!state.empty()) sink.provider_state(content.part, std::move(state));
}

// Reports the calls of {"tool_uses": [{"recipient_name": "functions.x", "parameters": {…}}]}. False: the input has
// another form.
bool Decoder::end_parallel_calls(Item& item, std::string_view input, StepSink& sink) {
  const auto root = input_json_.parse(input);
  const auto uses = root ? elements_of(*root, "tool_uses") : JsonElements();
  std::size_t number = 0;
  for (const JsonElement use : uses) {
    std::string name = input_json_.text(use, "recipient_name");
    if (name.starts_with("functions.")) name.erase(0, name.find('.') + 1);
    const auto parameters = get_member(use, "parameters");
    const int part = next_part_++;
    std::string id = call_id_of(item, part) + "_" + std::to_string(number++);
    report_call(
        part,
        {std::move(id), std::move(name), parameters ? input_json_.json_text(*parameters) : std::string("{}"), false},
        sink);
  }
  return !uses.empty();
}

void Decoder::report_call(int part, ToolCall call, StepSink& sink) {
  if (call.by_provider) {
    provider_calls_[call.id] = call.name;
    latest_provider_call_ = call.id;
  } else {
    has_client_call_ = true;
  }
  sink.tool_call(part, std::move(call));
}

void Decoder::end_image(const JsonElement& element, StepSink& sink) {
  const int part = next_part_++;
  const auto format = get_string(element, "output_format").value_or("png");
  sink.provider_state(part, state_of(kItem, other_members(*json_, element, {"result"})));
  sink.file(part, {.media_type = "image/" + json_->plain_text(format), .data = json_->text(element, "result")});
}

void Decoder::end_other(std::string_view type, const JsonElement& element, StepSink& sink) {
  const ItemKind kind = item_kind(type, element);
  const int part = next_part_++;
  std::string call_id = read_call_id(*json_, element, "call_id");
  if (kind.role == ItemRole::provider_result) {
    report_result(call_id.empty() ? latest_provider_call_ : call_id, kind, element, sink);
  } else if (kind.role != ItemRole::opaque) {
    if (call_id.empty()) call_id = read_call_id(*json_, element, "id");
    if (call_id.empty()) call_id = "call_" + std::to_string(part);
    const bool by_provider = kind.role == ItemRole::provider_call;
    // An earlier call has this id, and its result may be reported already.
    if (by_provider && provider_calls_.contains(call_id)) call_id += "_" + std::to_string(part);
    std::string name = kind.tool_name.empty() ? read_tool_name(*json_, element) : std::string(kind.tool_name);
    // A tool of an MCP server is called like a function. For other items, the input is all that the model decided.
    std::string input = type == "mcp_call" ? json_->text(element, "arguments")
                                           : in_braces(other_members(*json_, element,
                                                                     {"type", "id", "call_id", "status", "fingerprint",
                                                                      kind.result.empty() ? "type" : kind.result}));
    report_call(part, {call_id, std::move(name), complete_arguments(std::move(input)), by_provider}, sink);
    if (by_provider && !kind.result.empty()) report_result(call_id, kind, element, sink);
  }
  sink.provider_state(part, item_state(json_->json_text(element)));
}

void Decoder::report_result(const std::string& call_id, const ItemKind& kind, const JsonElement& element,
                            StepSink& sink) {
  const auto call = provider_calls_.find(call_id);
  if (call == provider_calls_.end()) return;
  const auto error = get_member(element, "error");
  const auto given = error ? error : get_member(element, kind.result);
  const std::string_view type = given && given->is_string() ? "text" : "json";
  std::string value;
  if (given) {
    value = json_->json_text(*given);
  } else {
    // Reports only the status: a web search shows its results in the text's annotations.
    JsonWriter(value).begin_object().field("status", json_->text(element, "status")).end_object();
  }
  sink.tool_result({call_id, call->second, tool_output_json(type, error.has_value(), value)});
}

}  // namespace aiw::openai_responses
