// Ollama's generate: https://github.com/ollama/ollama/blob/main/docs/api.md
#include <array>

#include "tools/replay/requests/converter.hpp"
#include "tools/replay/requests/ollama_fields.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

constexpr auto kNamed = with_ollama_fields(std::to_array<std::string_view>({"/prompt", "/system", "/images"}));

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
  convert_ollama_rest(std::move(body), payload);
  return out;
}

}  // namespace

const RequestConverter& ollama_generate_requests() {
  static const RequestConverter kConverter = {"ollama-generate", convert, normalise_ollama, kNamed};
  return kConverter;
}

}  // namespace aiw::tools
