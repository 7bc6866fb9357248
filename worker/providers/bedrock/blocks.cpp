#include "worker/providers/bedrock/blocks.hpp"

#include <algorithm>
#include <utility>

#include "protocol/json_writer.hpp"
#include "worker/providers/bedrock/state.hpp"
#include "worker/providers/codec/json_event_decoder.hpp"
#include "worker/providers/codec/tool_output.hpp"

namespace aiw::bedrock {
namespace {

constexpr std::int64_t kWhole = -1;  // no block of a stream has this number

// Amazon Nova's built-in tools use this type for a tool that ran on the provider's side.
bool is_by_provider(std::string_view type) { return type == "server_tool_use"; }

}  // namespace

Blocks::Block& Blocks::block_of(std::int64_t index, Kind kind, StepSink& sink) {
  Block* block = &open_[index];
  if (block->kind != kind && block->kind != Kind::none) {
    stop(index, sink);
    block = &open_[index];
  }
  block->kind = kind;
  return *block;
}

void Blocks::start(std::int64_t index, const JsonElement& start, StepSink& sink) {
  stop(index, sink);
  if (const auto use = get_member(start, "toolUse")) {
    read_tool(block_of(index, Kind::tool_use, sink), *use);
  } else if (const auto result = get_member(start, "toolResult")) {
    read_tool(block_of(index, Kind::tool_result, sink), *result);
  } else if (const auto image = get_member(start, "image")) {
    add_image(block_of(index, Kind::image, sink), *image);
  }
}

void Blocks::read_tool(Block& block, const JsonElement& tool) const {
  block.id = read_call_id(*json_, tool, "toolUseId");
  block.name = read_tool_name(*json_, tool);
  block.type = json_->text(tool, "type");
  block.status = json_->text(tool, "status");
}

void Blocks::add_delta(std::int64_t index, const JsonElement& delta, StepSink& sink) {
  for (const auto [key, value] : members_of(delta)) {
    if (key == "text") {
      if (value.is_string()) show(block_of(index, Kind::text, sink), as_string(value), sink);
    } else if (key == "reasoningContent") {
      add_reasoning(index, value, sink);
    } else if (key == "toolUse") {
      show(block_of(index, Kind::tool_use, sink), get_string_or_empty(value, "input"), sink);
    } else if (key == "toolResult") {
      add_items(block_of(index, Kind::tool_result, sink), value);
    } else if (key == "image") {
      add_image(block_of(index, Kind::image, sink), value);
    } else if (key == "citation") {
      add_source(value, sink);
    }
  }
}

void Blocks::add_reasoning(std::int64_t index, const JsonElement& reasoning, StepSink& sink) {
  Block& block = block_of(index, Kind::reasoning, sink);
  if (const auto text = get_string(reasoning, "text")) show(block, *text, sink);
  block.signature += json_->text(reasoning, "signature");
  if (const auto redacted = get_string(reasoning, "redactedContent")) {
    block.blob.add(json_->plain_text(*redacted));
  }
}

void Blocks::add_items(Block& block, const JsonElement& items) const {
  for (const JsonElement item : elements_of(items)) {
    if (!block.items.empty()) block.items += ',';
    block.items += json_->json_text(item);
  }
}

void Blocks::add_image(Block& block, const JsonElement& image) const {
  if (const auto format = get_string(image, "format")) block.format = json_->plain_text(*format);
  const auto source = get_member(image, "source");
  if (!source) return;
  if (const auto bytes = get_string(*source, "bytes")) block.blob.add(json_->plain_text(*bytes));
  if (const auto location = get_member(*source, "s3Location")) block.url = json_->text(*location, "uri");
}

void Blocks::add_whole(const JsonElement& element, StepSink& sink) {
  start(kWhole, element, sink);
  if (const auto reasoning = get_member(element, "reasoningContent")) {
    add_reasoning(kWhole, get_member(*reasoning, "reasoningText").value_or(*reasoning), sink);
  } else if (const auto input = get_path(element, {"toolUse", "input"})) {
    if (!input->is_string()) block_of(kWhole, Kind::tool_use, sink).input = json_->json_text(*input);
  } else if (const auto content = get_path(element, {"toolResult", "content"})) {
    add_items(block_of(kWhole, Kind::tool_result, sink), *content);
  } else if (const auto cited = get_member(element, "citationsContent")) {
    add_citations(*cited, sink);
  } else if (const auto text = get_string(element, "text")) {
    show(block_of(kWhole, Kind::text, sink), *text, sink);
  }
  stop(kWhole, sink);
}

void Blocks::add_citations(const JsonElement& content, StepSink& sink) {
  for (const JsonElement text : elements_of(content, "content")) {
    show(block_of(kWhole, Kind::text, sink), get_string_or_empty(text, "text"), sink);
  }
  for (const JsonElement citation : elements_of(content, "citations")) add_source(citation, sink);
}

// The location of a citation is one of web, documentChar, documentPage, documentChunk and searchResultLocation.
void Blocks::add_source(const JsonElement& citation, StepSink& sink) const {
  Source source{.type = Source::Type::document, .title = json_->text(citation, "title")};
  if (const auto origin = get_string(citation, "source"); origin && origin->starts_with("http")) {
    source.url = json_->plain_text(*origin);
  }
  if (const auto web = get_path(citation, {"location", "web"})) source.url = json_->text(*web, "url");
  if (!source.url.empty()) source.type = Source::Type::url;
  for (const std::string_view place : {"documentChar", "documentPage", "documentChunk"}) {
    const auto number = count_at(citation, {"location", place, "documentIndex"});
    if (number) source.id = std::to_string(*number);
  }
  for (const JsonElement quote : elements_of(citation, "sourceContent")) source.quote += json_->text(quote, "text");
  sink.source(source);
}

void Blocks::show(Block& block, std::string_view text, StepSink& sink) {
  send(block, block.joiner.add(text, json_->repaired()), sink);
}

// Sends text that the joiner returned.
void Blocks::send(Block& block, std::string_view text, StepSink& sink) {
  if (text.empty()) return;
  const int part = part_of(block);
  if (block.kind == Kind::text) return sink.delta(part, ContentKind::text, text, {});
  if (block.kind == Kind::reasoning) return sink.delta(part, ContentKind::reasoning, text, {});
  const bool begins = block.input.empty();
  block.input += text;
  if (is_by_provider(block.type)) return;
  if (begins) sink.tool_input_began(part, block.id, block.name);
  sink.delta(part, ContentKind::tool_input, text, block.id);
}

int Blocks::part_of(Block& block) {
  if (block.part < 0) block.part = parts_++;
  if (block.kind == Kind::tool_use && block.id.empty()) block.id = "call_" + std::to_string(block.part);
  return block.part;
}

void Blocks::stop(std::int64_t index, StepSink& sink) {
  const auto found = open_.find(index);
  if (found == open_.end()) return;
  finish(found->second, sink);
  open_.erase(found);
}

bool Blocks::all_calls_ended() const {
  return std::ranges::none_of(open_, [](const auto& entry) { return entry.second.kind == Kind::tool_use; });
}

void Blocks::stop_all(StepSink& sink) {
  for (auto& [index, block] : open_) finish(block, sink);
  open_.clear();
}

void Blocks::finish(Block& block, StepSink& sink) {
  send(block, block.joiner.flush(), sink);
  switch (block.kind) {
    case Kind::none:
    case Kind::text: return;
    case Kind::reasoning: return finish_reasoning(block, sink);
    case Kind::tool_use: return finish_tool_use(block, sink);
    case Kind::tool_result: return finish_tool_result(block, sink);
    case Kind::image: return finish_image(block, sink);
  }
}

void Blocks::finish_reasoning(Block& block, StepSink& sink) {
  if (!block.signature.empty()) {
    // The provider may hide the reasoning and still require its signature back.
    if (block.part < 0) sink.delta(part_of(block), ContentKind::reasoning, {}, {});
    sink.provider_state(block.part, make_state(kStateTag, kSignature, json_string(block.signature)));
  }
  if (block.blob.empty()) return;
  std::string json;
  JsonWriter writer(json);
  writer.begin_object().key("reasoningContent").begin_object().field("redactedContent", block.blob.take());
  writer.end_object().end_object();
  sink.provider_state(parts_++, make_state(kStateTag, kBlock, json));
}

void Blocks::finish_tool_use(Block& block, StepSink& sink) {
  const int part = part_of(block);
  block.input = complete_arguments(std::move(block.input));
  if (!is_by_provider(block.type)) {
    has_calls_ = true;
    return sink.tool_call(part, {block.id, block.name, std::move(block.input)});
  }
  // A repeated id is not reported again: the result of the first call may be reported already.
  const bool is_new = provider_calls_.emplace(block.id, block.name).second;
  // Broken input is left out of the state, which must be JSON.
  const bool is_json = own_json_.parse(block.input) && own_json_.is_valid_json();
  std::string json;
  JsonWriter(json)
      .begin_object()
      .key("toolUse")
      .begin_object()
      .field("toolUseId", block.id)
      .field("name", block.name)
      .field("input", JsonSpan{is_json ? std::string_view(block.input) : "{}"})
      .field("type", block.type)
      .end_object()
      .end_object();
  if (is_new) sink.tool_call(part, {block.id, block.name, std::move(block.input), true});
  sink.provider_state(part, make_state(kStateTag, kBlock, json));
}

void Blocks::finish_tool_result(Block& block, StepSink& sink) {
  const std::string items = "[" + block.items + "]";
  const auto call = provider_calls_.find(block.id);
  if (call != provider_calls_.end()) {
    sink.tool_result({block.id, call->second, output_of(items, block.status == "error")});
  }
  std::string json;
  JsonWriter writer(json);
  writer.begin_object().key("toolResult").begin_object().field("toolUseId", block.id);
  writer.field("content", JsonSpan{items});
  if (!block.status.empty()) writer.field("status", block.status);
  if (!block.type.empty()) writer.field("type", block.type);
  writer.end_object().end_object();
  sink.provider_state(part_of(block), make_state(kStateTag, kBlock, json));
}

// Returns a single text or JSON block by its type, and several blocks as the JSON array from the wire.
std::string Blocks::output_of(const std::string& items, bool failed) {
  const auto parsed = own_json_.parse(items);
  simdjson::dom::array list;
  if (parsed && parsed->get(list) == simdjson::SUCCESS && list.size() == 1) {
    const JsonElement item = list.at(0).value_unsafe();
    if (const auto text = get_string(item, "text")) {
      return tool_output_json("text", failed, json_string(own_json_.plain_text(*text)));
    }
    if (const auto value = get_member(item, "json")) {
      return tool_output_json("json", failed, own_json_.json_text(*value));
    }
  }
  return tool_output_json("json", failed, items);
}

void Blocks::finish_image(Block& block, StepSink& sink) {
  if (block.blob.empty() && block.url.empty()) return;
  GeneratedFile file{.media_type = "image/" + block.format, .data = block.blob.take()};
  if (file.data.empty()) file.url = std::move(block.url);
  sink.file(part_of(block), std::move(file));
}

}  // namespace aiw::bedrock
