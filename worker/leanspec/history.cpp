#include "worker/leanspec/history.hpp"

#include <utility>
#include <variant>

#include "protocol/json_text.hpp"

namespace aiw {
namespace {

constexpr std::string_view kBetween = "\\n\\n";

std::string_view name_of(Role role) {
  switch (role) {
    case Role::system: return "system";
    case Role::user: return "user";
    case Role::assistant: return "assistant";
    case Role::tool: break;
  }
  return "tool";
}

// Appends the text parts, escaped, with an empty line between them.
void add_text(std::string& out, const Message& message) {
  for (const auto& part : message.parts) {
    const auto* text = std::get_if<TextPart>(&part);
    if (text == nullptr || text->text.empty()) continue;
    if (!out.empty()) out += kBetween;
    out += text->text.raw;
  }
}

std::string trimmed(const std::string& escaped) {
  const std::string text = RawString{escaped}.text();
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  std::string out;
  if (first == std::string::npos) return out;
  append_json_escaped(out, std::string_view(text).substr(first, text.find_last_not_of(kSpace) - first + 1));
  return out;
}

}  // namespace

void write_text_history(std::string& out, std::span<const Message> messages) {
  bool first = true;
  for (std::size_t i = 0; i < messages.size();) {
    const Role role = messages[i].role;
    std::string text;
    const std::size_t begin = i;
    // A turn of the assistant continues after the results of its tools.
    while (i < messages.size() && (i == begin || role == Role::assistant) &&
           (messages[i].role == role || messages[i].role == Role::tool)) {
      if (messages[i].role != Role::tool) add_text(text, messages[i]);
      ++i;
    }
    if (text.empty()) continue;
    if (!std::exchange(first, false)) out += ',';
    out += R"({"role":")" + std::string(name_of(role)) + R"(","content":")" + text + "\"}";
  }
}

std::string answer_text(std::span<const Message> messages) {
  std::string text;
  for (const auto& message : messages) {
    if (message.role == Role::assistant) add_text(text, message);
  }
  return trimmed(text);
}

}  // namespace aiw
