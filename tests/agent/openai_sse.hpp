// Pieces of Chat Completions streams, as OpenAI's API reference has them, for upstreams that tests play.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace aiw::sse {

inline std::string event(std::string_view data) { return "data: " + std::string(data) + "\n\n"; }
inline std::string choice(const nlohmann::json& delta) {
  return event(nlohmann::json{{"choices", {{{"index", 0}, {"delta", delta}}}}}.dump());
}
inline std::string text(std::string_view text) { return choice({{"content", text}}); }
inline std::string reasoning(std::string_view text) { return choice({{"reasoning_content", text}}); }
inline std::string call(int index, std::string_view id, std::string_view name, std::string_view arguments) {
  return choice({{"tool_calls",
                  {{{"index", index},
                    {"id", id},
                    {"type", "function"},
                    {"function", {{"name", name}, {"arguments", arguments}}}}}}});
}
inline std::string finish(std::string_view reason) {
  return event(
      nlohmann::json{{"choices", {{{"index", 0}, {"delta", nlohmann::json::object()}, {"finish_reason", reason}}}}}
          .dump());
}
inline std::string usage(int input, int output) {
  return event(nlohmann::json{
      {"choices", nlohmann::json::array()},
      {"usage", {{"prompt_tokens", input}, {"completion_tokens", output}, {"total_tokens", input + output}}}}
                   .dump());
}
inline std::string done() { return event("[DONE]"); }
// A whole answer in one text.
inline std::string answer(std::string_view words) { return text(words) + finish("stop") + done(); }

}  // namespace aiw::sse
