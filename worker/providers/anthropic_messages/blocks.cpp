#include "worker/providers/anthropic_messages/blocks.hpp"

#include <algorithm>
#include <limits>

#include "protocol/json_writer.hpp"
#include "worker/providers/anthropic_messages/state.hpp"
#include "worker/providers/codec/json_event_decoder.hpp"
#include "worker/providers/codec/tool_output.hpp"

namespace aiw::anthropic_messages {
namespace {

constexpr std::string_view kResultSuffix = "_tool_result";

// docs.anthropic.com, "Citations" and "Search results". A web_search_result_location has url and title. A
// search_result_location has title and source (the name from the request, usually a URL). char_location, page_location
// and content_block_location have document_index, document_title and, for uploaded files, file_id.
Source to_source(const EventJson& json, const JsonElement& citation) {
  const auto text = [&](std::string_view key) { return json.text(citation, key); };
  Source source;
  source.quote = text("cited_text");
  source.url = text("url");
  if (source.url.empty()) source.url = text("source");
  if (!source.url.empty()) {
    source.title = text("title");
    return source;
  }
  source.type = Source::Type::document;
  source.id = text("file_id");
  const auto index = get_count(citation, "document_index");
  if (source.id.empty() && index) source.id = std::to_string(*index);
  source.title = text("document_title");
  return source;
}

}  // namespace

void Blocks::start(std::int64_t index, const JsonElement& element, StepSink& sink) {
  stop(index, sink);
  const auto type = get_string(element, "type");
  if (!type) return;
  Block& block = open_[index];
  if (*type == "text") {
    block.type = Type::text;
    show(block, ContentKind::text, get_string_or_empty(element, "text"), sink);
    for (const JsonElement citation : elements_of(element, "citations")) add_citation(block, citation, sink);
  } else if (*type == "thinking") {
    block.type = Type::thinking;
    block.signature = json_->text(element, "signature");
    show(block, ContentKind::reasoning, get_string_or_empty(element, "thinking"), sink);
  } else if (*type == "tool_use") {
    block.type = Type::tool_use;
    read_call(block, element);
  } else {
    block.is_provider_call = *type == "server_tool_use" || *type == "mcp_tool_use";
    if (block.is_provider_call) {
      read_call(block, element);
      provider_calls_[block.id] = block.name;
      open_calls_.emplace(block.id, index);
    }
    for (const auto [key, value] : members_of(element)) {
      block.fields.emplace_back(json_->plain_text(key), json_->json_text(value));
    }
    if (type->ends_with(kResultSuffix)) report_result(element, *type, sink);
  }
}

void Blocks::add_citation(Block& block, const JsonElement& citation, StepSink& sink) {
  if (!citation.is_object()) return;
  if (!block.citations.empty()) block.citations += ',';
  block.citations += json_->json_text(citation);
  sink.source(to_source(*json_, citation));
}

// Results of failed calls are objects such as {type: web_search_tool_result_error, error_code}; MCP has is_error.
void Blocks::report_result(const JsonElement& element, std::string_view type, StepSink& sink) {
  ProviderToolResult result;
  result.tool_call_id = read_call_id(*json_, element, "tool_use_id");
  if (result.tool_call_id.empty()) return;
  stop_call(result.tool_call_id, sink);
  answered_.insert(result.tool_call_id);
  const auto call = provider_calls_.find(result.tool_call_id);
  // The call may be in an earlier response that paused.
  result.tool_name =
      call == provider_calls_.end() ? std::string(type.substr(0, type.size() - kResultSuffix.size())) : call->second;
  const auto content = get_member(element, "content");
  const bool failed = get_bool(element, "is_error").value_or(false) ||
                      (content && get_string_or_empty(*content, "type").ends_with("_error"));
  result.output = tool_output_json("json", failed, content ? json_->json_text(*content) : "null");
  sink.tool_result(std::move(result));
}

// Reports a call whose block is still open before its result.
void Blocks::stop_call(std::string_view id, StepSink& sink) {
  const auto open = open_calls_.lower_bound({std::string(id), std::numeric_limits<std::int64_t>::min()});
  if (open != open_calls_.end() && open->first == id) stop(open->second, sink);
}

// The whole input may be present here: in whole responses, and for calls made by code execution.
void Blocks::read_call(Block& block, const JsonElement& element) const {
  block.id = read_call_id(*json_, element, "id");
  block.name = read_tool_name(*json_, element);
  const auto input = get_member(element, "input");
  block.input = input ? json_->json_text(*input) : "{}";
  const auto caller = get_member(element, "caller");
  if (caller && caller->is_object() && get_string(*caller, "type") != "direct")
    block.caller = json_->json_text(*caller);
}

// A stream that lost the start of a block still shows its text.
Blocks::Block* Blocks::find_or_imply(std::int64_t index, std::string_view delta_type) {
  const auto found = open_.find(index);
  if (found != open_.end()) return &found->second;
  if (delta_type != "text_delta" && delta_type != "thinking_delta") return nullptr;
  Block& block = open_[index];
  block.type = delta_type == "text_delta" ? Type::text : Type::thinking;
  return &block;
}

void Blocks::add_delta(std::int64_t index, const JsonElement& delta, StepSink& sink) {
  const auto type = get_string_or_empty(delta, "type");
  Block* const block = find_or_imply(index, type);
  if (block == nullptr) {
    lost_input_ = lost_input_ || !get_string_or_empty(delta, "partial_json").empty();
    return;
  }
  if (type == "text_delta" && block->type == Type::text) {
    show(*block, ContentKind::text, get_string_or_empty(delta, "text"), sink);
  } else if (type == "thinking_delta" && block->type == Type::thinking) {
    show(*block, ContentKind::reasoning, get_string_or_empty(delta, "thinking"), sink);
  } else if (type == "signature_delta" && block->type == Type::thinking) {
    if (!block->signature_streamed) block->signature.clear();
    block->signature_streamed = true;
    block->signature += json_->text(delta, "signature");
  } else if (type == "input_json_delta") {
    add_input(*block, get_string_or_empty(delta, "partial_json"), sink);
  } else if (type == "citations_delta" && block->type == Type::text) {
    if (const auto citation = get_member(delta, "citation")) add_citation(*block, *citation, sink);
  } else if (type == "compaction_delta" && block->type == Type::opaque) {
    for (const auto [key, value] : members_of(delta)) {
      if (key != "type") block->changes[json_->plain_text(key)] = json_->json_text(value);
    }
  }
}

// Streamed input replaces the input of the block's start, which is then {}.
void Blocks::add_input(Block& block, std::string_view text, StepSink& sink) {
  if (text.empty() || (block.type != Type::tool_use && !block.is_provider_call)) return;
  if (!block.input_streamed) block.input.clear();
  block.input_streamed = true;
  if (block.type == Type::tool_use) {
    show(block, ContentKind::tool_input, text, sink);
  } else {
    block.input += block.joiner.add(text, json_->repaired());
  }
}

void Blocks::show(Block& block, ContentKind kind, std::string_view text, StepSink& sink) {
  show_joined(block, kind, block.joiner.add(text, json_->repaired()), sink);
}

void Blocks::show_joined(Block& block, ContentKind kind, std::string_view text, StepSink& sink) {
  if (text.empty()) return;
  const int part = part_of(block);
  if (kind != ContentKind::tool_input) return sink.delta(part, kind, text, {});
  if (block.input.empty()) sink.tool_input_began(part, block.id, block.name);
  block.input += text;
  sink.delta(part, kind, text, block.id);
}

int Blocks::part_of(Block& block) {
  if (block.part < 0) {
    block.part = parts_++;
    if (block.id.empty()) block.id = "call_" + std::to_string(block.part);
  }
  return block.part;
}

void Blocks::stop(std::int64_t index, StepSink& sink) {
  const auto found = open_.find(index);
  if (found == open_.end()) return;
  if (found->second.is_provider_call) open_calls_.erase({found->second.id, index});
  finish(found->second, sink);
  open_.erase(found);
}

bool Blocks::all_calls_ended() const {
  return std::ranges::none_of(open_, [](const auto& entry) { return entry.second.type == Type::tool_use; });
}

void Blocks::stop_all(StepSink& sink) {
  for (auto& [index, block] : open_) finish(block, sink);
  open_.clear();
  open_calls_.clear();
}

void Blocks::add_state(std::string_view members, StepSink& sink) {
  if (members.empty()) return;
  sink.provider_state(parts_++, make_state(kStateTag, "{" + std::string(members) + "}"));
}

void Blocks::finish(Block& block, StepSink& sink) {
  const auto rest = block.joiner.flush();
  switch (block.type) {
    case Type::text: show_joined(block, ContentKind::text, rest, sink); return finish_text(block, sink);
    case Type::thinking: show_joined(block, ContentKind::reasoning, rest, sink); return finish_thinking(block, sink);
    case Type::tool_use: show_joined(block, ContentKind::tool_input, rest, sink); return finish_tool_use(block, sink);
    case Type::opaque: block.input += rest; return finish_opaque(block, sink);
  }
}

// Web search requires its citations back: they hold an index that only the API can read.
void Blocks::finish_text(const Block& block, StepSink& sink) {
  if (block.part < 0 || block.citations.empty()) return;
  sink.provider_state(block.part, make_state(kStateTag, "citations", "[" + block.citations + "]"));
}

void Blocks::finish_thinking(Block& block, StepSink& sink) {
  // Servers of other models do not sign thinking, but still require it back.
  if (block.signature.empty() && block.part < 0) return;
  // The provider may hide the thinking and still require its signature back.
  if (block.part < 0) sink.delta(part_of(block), ContentKind::reasoning, {}, {});
  sink.provider_state(block.part, make_state(kStateTag, "signature", json_string(block.signature)));
}

void Blocks::finish_tool_use(Block& block, StepSink& sink) {
  const int part = part_of(block);
  has_calls_ = true;
  sink.tool_call(part, {block.id, block.name, complete_arguments(std::move(block.input))});
  if (!block.caller.empty()) sink.provider_state(part, make_state(kStateTag, "caller", block.caller));
}

void Blocks::finish_opaque(Block& block, StepSink& sink) {
  const int part = part_of(block);
  if (block.is_provider_call) {
    // Broken input is left out of the state, which must be JSON.
    if (block.input_streamed && input_json_.parse(block.input) && input_json_.is_valid_json()) {
      block.changes["input"] = block.input;
    }
    // A call that follows its own result is not reported: a result must follow its call.
    if (!answered_.contains(block.id)) {
      sink.tool_call(part, {block.id, block.name, complete_arguments(std::move(block.input)), true});
    }
  }
  sink.provider_state(part, make_state(kStateTag, to_object(block)));
}

std::string Blocks::to_object(const Block& block) {
  std::string json;
  JsonWriter writer(json);
  const auto add = [&](std::string_view name, std::string_view value) {
    std::string escaped;
    append_json_escaped(escaped, name);
    writer.key(escaped).copy(value);
  };
  writer.begin_object();
  auto added = block.changes;
  for (const auto& [name, value] : block.fields) {
    const auto change = block.changes.find(name);
    add(name, change == block.changes.end() ? value : change->second);
    added.erase(name);
  }
  for (const auto& [name, value] : added) add(name, value);
  writer.end_object();
  return json;
}

}  // namespace aiw::anthropic_messages
