// Shared code for recorded requests of Ollama's two endpoints.
#pragma once

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "tools/replay/requests/json_fields.hpp"

namespace aiw::tools {

// Returns the fields with a name in our protocol: `own` of one endpoint, plus those of both.
template <std::size_t N>
constexpr auto with_ollama_fields(const std::array<std::string_view, N>& own) {
  constexpr auto kBoth = std::to_array<std::string_view>({
      "/model",
      "/stream",
      "/format",
      "/think",
      "/logprobs",
      "/options/num_predict",
      "/options/temperature",
      "/options/top_p",
      "/options/top_k",
      "/options/seed",
      "/options/stop",
      "/options/frequency_penalty",
      "/options/presence_penalty",
  });
  std::array<std::string_view, N + kBoth.size()> all;
  std::ranges::copy(kBoth, std::ranges::copy(own, all.begin()).out);
  return all;
}

// Moves options that have the same name in both endpoints.
inline void move_ollama_options(nlohmann::json& body, nlohmann::json& payload) {
  take(body, "stream");
  move_field(body, "logprobs", payload, "logprobs");
  if (nlohmann::json format = take(body, "format"); !format.empty() && format != "") {
    payload["responseFormat"] = {{"type", "json"}};
    if (format.is_object()) payload["responseFormat"]["schema"] = std::move(format);
  }
  const nlohmann::json think = take(body, "think");
  if (think.is_boolean()) payload["reasoning"]["effort"] = think.get<bool>() ? "high" : "none";
  if (think.is_string()) payload["reasoning"]["effort"] = think;
  nlohmann::json options = take(body, "options");
  if (!options.is_object()) return;
  move_field(options, "num_predict", payload, "maxOutputTokens");
  move_common_options(options, payload);
  move_field(options, "top_p", payload, "topP");
  move_field(options, "top_k", payload, "topK");
  move_field(options, "stop", payload, "stopSequences");
  if (!options.empty()) body["options"] = std::move(options);
}

// Converts the rest of a body after its conversation was removed.
inline void convert_ollama_rest(nlohmann::json body, nlohmann::json& payload) {
  move_ollama_options(body, payload);
  leave_to_provider_options(std::move(body), payload);
}

// Ollama reads a body into a Go structure, where an absent field has its zero value (api/types.go). So empty texts,
// lists and options are equivalent to absence. Only `stream` is a pointer; it defaults to true.
inline nlohmann::json normalise_ollama(nlohmann::json body) {
  body = without_nulls(std::move(body));
  for (const char* key : {"tools", "format", "options", "system", "template", "suffix", "context", "images", "raw"}) {
    const auto field = body.find(key);
    if (field == body.end()) continue;
    if (field->empty() || *field == "" || *field == false) body.erase(field);
  }
  if (!body.contains("stream")) body["stream"] = true;
  return body;
}

}  // namespace aiw::tools
