// What the recorded requests of Ollama's two endpoints have in common.
#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "tools/replay/requests/json_fields.hpp"

namespace aiw::tools {

// Moves what both endpoints name alike.
inline void convert_ollama_options(nlohmann::json& body, nlohmann::json& payload) {
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
  move_field(options, "temperature", payload, "temperature");
  move_field(options, "top_p", payload, "topP");
  move_field(options, "top_k", payload, "topK");
  move_field(options, "seed", payload, "seed");
  move_field(options, "frequency_penalty", payload, "frequencyPenalty");
  move_field(options, "presence_penalty", payload, "presencePenalty");
  move_field(options, "stop", payload, "stopSequences");
  if (!options.empty()) body["options"] = std::move(options);
}

// Ollama reads a body into a Go structure, in which an absent field has its zero value (api/types.go): empty texts,
// lists and options say the same as none. Only `stream` is a pointer, and true if it is absent.
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
