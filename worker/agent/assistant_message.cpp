#include "worker/agent/assistant_message.hpp"

#include <algorithm>
#include <utility>

#include "protocol/json_reader.hpp"
#include "protocol/json_writer.hpp"
#include "worker/executors/tool_output.hpp"

namespace aiw {
namespace {

constexpr int kMaxValueDepth = 92;  // frames are nested at most 100 deep, and `done` has 6 levels around a value
// Limit on part numbers, so that a provider with absurdly high ones does not make us allocate for them.
constexpr int kMaxParts = 100'000;
constexpr std::size_t kBlockBytes = 64 << 10;

}  // namespace

CheckedCall check_call(ToolCall call) {
  CheckedCall checked{std::move(call), {}, {}};
  checked.input_json = checked.call.input_text;
  JsonReader reader(checked.input_json.data(), checked.input_json.size(), kMaxValueDepth);
  reader.validate();
  if (!reader.ok()) {
    checked.input_json = "null";
    checked.parse_error = reader.error().message + " (byte " + std::to_string(reader.error().offset) + ")";
    return checked;
  }
  // Models may write arguments over several lines. In valid JSON a raw line break is only found between tokens.
  std::ranges::replace_if(checked.input_json, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return checked;
}

std::string fit_output(std::string output) {
  JsonReader reader(output.data(), output.size(), kMaxValueDepth);
  reader.validate();
  if (reader.ok()) return output;
  const std::string_view value = output_value(output);
  return text_output(value.empty() ? output : value);
}

void GrowingText::append(std::string_view text) {
  if (text.empty()) return;
  if (blocks_.empty() || blocks_.back().size() >= kBlockBytes) blocks_.emplace_back();
  // The first block grows as needed; later ones reserve their full size, because the text is known to be long.
  if (blocks_.size() > 1 && blocks_.back().empty()) blocks_.back().reserve(kBlockBytes + text.size());
  append_json_escaped(blocks_.back(), text);
}

void GrowingText::write(Rope& out) const {
  for (const auto& block : blocks_) out.splice(block);
}

AssistantMessage::AssistantPart& AssistantMessage::at(int part) {
  const auto index = static_cast<std::size_t>(std::clamp(part, 0, kMaxParts));
  if (index >= parts_.size()) parts_.resize(index + 1);
  return parts_[index];
}

void AssistantMessage::delta(int part, ContentKind kind, std::string_view text) {
  AssistantPart& into = at(part);
  switch (kind) {
    case ContentKind::reasoning: into.kind = AssistantPart::Kind::reasoning; break;
    case ContentKind::tool_input: into.kind = AssistantPart::Kind::tool_input; return;
    case ContentKind::text:
    case ContentKind::refusal: into.kind = AssistantPart::Kind::text;
  }
  into.text.append(text);
}

std::shared_ptr<const CheckedCall> AssistantMessage::tool_call(int part, CheckedCall call) {
  AssistantPart& into = at(part);
  into.kind = AssistantPart::Kind::tool_call;
  into.call = std::make_shared<const CheckedCall>(std::move(call));
  return into.call;
}

void AssistantMessage::file(int part, GeneratedFile file) {
  AssistantPart& into = at(part);
  into.kind = AssistantPart::Kind::file;
  into.file = std::move(file);
}

void AssistantMessage::provider_state(int part, std::string state) { at(part).state = std::move(state); }

bool AssistantMessage::empty() const {
  return std::ranges::none_of(parts_, [](const AssistantPart& part) {
    const bool bare = part.kind == AssistantPart::Kind::reasoning && part.text.empty() && part.state.empty();
    return is_shown(part) && !bare;
  });
}

std::vector<std::shared_ptr<const CheckedCall>> AssistantMessage::calls() const {
  std::vector<std::shared_ptr<const CheckedCall>> calls;
  for (const auto& part : parts_) {
    if (part.kind == AssistantPart::Kind::tool_call) calls.push_back(part.call);
  }
  return calls;
}

bool AssistantMessage::is_shown(const AssistantPart& part) {
  using Kind = AssistantPart::Kind;
  if (!part.state.empty()) return true;
  if (part.kind == Kind::text) return !part.text.empty();
  return part.kind == Kind::reasoning || part.kind == Kind::tool_call || part.kind == Kind::file;
}

void AssistantMessage::write_file(Rope& out, const GeneratedFile& file) {
  std::string fields = R"({"type":"file","mediaType":)";
  append_json_string(fields, file.media_type);
  if (!file.filename.empty()) {
    fields += R"(,"filename":)";
    append_json_string(fields, file.filename);
  }
  fields += file.data.empty() ? R"(,"url":)" : R"(,"data":)";
  append_json_string(fields, file.data.empty() ? file.url : file.data);
  out.append(fields);
}

void AssistantMessage::write_part(Rope& out, const AssistantPart& part) {
  using Kind = AssistantPart::Kind;
  if (part.kind == Kind::text || part.kind == Kind::reasoning) {
    out.append(part.kind == Kind::text ? R"({"type":"text","text":")" : R"({"type":"reasoning","text":")");
    part.text.write(out);
    out.append("\"");
  } else if (part.kind == Kind::tool_call) {
    const CheckedCall& checked = *part.call;
    std::string fields;
    JsonWriter json(fields);
    json.begin_object().field("type", "tool-call").field("toolCallId", checked.call.id);
    json.field("toolName", checked.call.name).field("input", JsonSpan{checked.input_json});
    json.field("inputText", checked.call.input_text);
    out.append(fields);
  } else if (part.kind == Kind::file) {
    write_file(out, part.file);
  } else {
    out.append(R"({"type":"provider")");
  }
  if (!part.state.empty()) {
    std::string state = R"(,"providerState":)";
    append_json_string(state, part.state);
    out.append(state);
  }
  out.append("}");
}

void AssistantMessage::write_message(Rope& out) const {
  out.append(R"({"role":"assistant","content":[)");
  bool first = true;
  for (const auto& part : parts_) {
    if (!is_shown(part)) continue;
    if (!std::exchange(first, false)) out.append(",");
    write_part(out, part);
  }
  out.append("]}");
}

}  // namespace aiw
