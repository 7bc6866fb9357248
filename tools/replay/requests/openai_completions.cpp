// Legacy completions: https://platform.openai.com/docs/api-reference/completions/create
#include <array>

#include "tools/replay/requests/converter.hpp"
#include "tools/replay/requests/json_fields.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 10> kNamed = {
    "/prompt",           "/model", "/stream", "/max_tokens", "/temperature", "/top_p", "/seed", "/frequency_penalty",
    "/presence_penalty", "/stop",
};

// "string or array": an array with one prompt is equivalent to that prompt.
json plain_prompt(json prompt) { return prompt.is_array() && prompt.size() == 1 ? prompt[0] : prompt; }

ConvertedRequest convert(const RecordedRequest& recorded) {
  ConvertedRequest out;
  out.base_path = recorded.path.substr(0, recorded.path.find("/completions"));
  json body = recorded.body;
  out.model = take(body, "model");
  json& payload = out.payload;
  payload["messages"] = {{{"role", "user"}, {"content", plain_prompt(take(body, "prompt"))}}};
  take(body, "stream");
  move_openai_options(body, payload);
  leave_to_provider_options(std::move(body), payload);
  return out;
}

json normalise(json body) {
  body = without_nulls(std::move(body));
  if (body.contains("prompt")) body["prompt"] = plain_prompt(body["prompt"]);
  erase_if(body, "stream", false);  // default
  return body;
}

}  // namespace

const RequestConverter& openai_completions_requests() {
  static const RequestConverter kConverter = {"openai-completions", convert, normalise, kNamed};
  return kConverter;
}

}  // namespace aiw::tools
