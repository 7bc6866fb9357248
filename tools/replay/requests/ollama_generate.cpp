// Ollama's generate: https://github.com/ollama/ollama/blob/main/docs/api.md
#include <array>

#include "tools/replay/requests/converter.hpp"
#include "tools/replay/requests/ollama_fields.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 16> kNamed = {
    "/prompt",
    "/system",
    "/images",
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
};

ConvertedRequest convert(const RecordedRequest& recorded) {
  ConvertedRequest out;
  out.base_path = recorded.path.substr(0, recorded.path.find("/api/generate"));
  json body = recorded.body;
  out.model = take(body, "model");
  json& payload = out.payload;
  json parts = {{{"type", "text"}, {"text", take(body, "prompt")}}};
  for (const auto& image : take(body, "images")) {
    parts.push_back({{"type", "image"}, {"mediaType", "image/png"}, {"data", image}});
  }
  payload["messages"] = {{{"role", "user"}, {"content", parts}}};
  move_field(body, "system", payload, "system");
  convert_ollama_options(body, payload);
  leave_to_provider_options(std::move(body), payload);
  return out;
}

}  // namespace

const RequestConverter& ollama_generate_requests() {
  static const RequestConverter kConverter = {"ollama-generate", convert, normalise_ollama, kNamed};
  return kConverter;
}

}  // namespace aiw::tools
