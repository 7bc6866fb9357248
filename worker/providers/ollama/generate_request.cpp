#include <array>
#include <optional>
#include <string>
#include <utility>

#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/codec/message_parts.hpp"
#include "worker/providers/codec/transcript_prompt.hpp"
#include "worker/providers/ollama/api.hpp"
#include "worker/providers/ollama/decoder.hpp"
#include "worker/providers/ollama/request.hpp"

namespace aiw::ollama {
namespace {

constexpr std::array<std::string_view, 3> kReserved = {"prompt", "images", "stream"};

// The `context` that an answer of this API left in one of the parts, as JSON; nothing if there is none.
std::optional<std::string> context_of(const Message& message) {
  std::optional<std::string> found;
  const auto look = [&](RawString state) {
    if (!state.raw.starts_with(kGenerateTag)) return;
    EventJson json;
    const std::string text = state.text();
    const auto root = json.parse(std::string_view(text).substr(kGenerateTag.size()));
    const auto context = root ? get_member(*root, "context") : std::nullopt;
    if (context && context->is_array()) found = to_json(*context);
  };
  for_each_part<TextPart>(message.parts, [&](const TextPart& part) { look(part.provider_state); });
  for_each_part<ProviderPart>(message.parts, [&](const ProviderPart& part) { look(part.provider_state); });
  return found;
}

// What of a conversation goes into the members of a request.
struct Plan {
  std::span<const Message> system;     // at the start
  std::optional<std::string> context;  // stands for everything between
  std::span<const Message> prompt;
};

Plan make_plan(std::span<const Message> messages) {
  Plan plan;
  std::size_t start = 0;
  while (start < messages.size() && messages[start].role == Role::system) ++start;
  plan.system = messages.first(start);
  plan.prompt = messages.subspan(start);
  for (std::size_t i = messages.size(); i-- > start;) {
    if (messages[i].role != Role::assistant) continue;
    plan.context = context_of(messages[i]);
    if (plan.context) plan.prompt = messages.subspan(i + 1);
    return plan;
  }
  return plan;
}

void append_system(RawString system, std::span<const Message> messages, Rope& body) {
  bool open = false;
  const auto next = [&] { body.append(std::exchange(open, true) ? "\\n" : R"("system":")"); };
  if (!system.empty()) {
    next();
    body.splice(system.raw);
  }
  for (const Message& message : messages) {
    if (!has_part<TextPart>(message.parts)) continue;
    next();
    append_texts(body, message.parts, "\\n");
  }
  if (open) body.append("\",");
}

}  // namespace

std::expected<BuiltRequest, Error> build_generate(const StepInput& input) {
  auto http = start_post("api/generate", input);
  if (!http) return std::unexpected(std::move(http).error());
  RequestNotes notes;
  if (auto media = check_media(input.messages, notes); !media) return std::unexpected(media.error());
  const Plan plan = make_plan(input.messages);
  std::string options = write_options(input, false, kReserved, notes);
  options.back() = ',';
  BuiltRequest built{*std::move(http), {}};
  Rope& body = built.http.body;
  body.append(options);
  append_system(input.chat.system, plan.system, body);
  if (plan.context) body.append("\"context\":" + *plan.context + ",");
  body.append(R"("prompt":")");
  append_transcript_prompt({}, plan.prompt, true, body, notes);
  body.append("\"");
  bool open = false;
  for (const Message& message : plan.prompt) append_images(body, message.parts, open);
  body.append(open ? "]}" : "}");
  built.notes = notes.take();
  return built;
}

}  // namespace aiw::ollama
