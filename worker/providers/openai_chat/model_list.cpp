#include "worker/providers/openai_chat/model_list.hpp"

#include "protocol/codes.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/request.hpp"
#include "worker/providers/openai_chat/address.hpp"

namespace aiw::openai_chat {
namespace {

// Reads a model: OpenAI's {id}, and more members of OpenRouter, Groq, Together, vLLM and Mistral.
ModelInfo read_model(const EventJson& json, const JsonElement& model) {
  ModelInfo info;
  info.id = json.text(model, "id");
  info.name = json.text(model, "name");
  for (const std::string_view key : {"context_length", "context_window", "max_model_len", "max_context_length"}) {
    if (!info.context_tokens) info.context_tokens = get_count(model, key);
  }
  info.max_output_tokens = get_count(model, "max_completion_tokens");
  const auto provider = get_member(model, "top_provider");
  if (provider && !info.max_output_tokens) info.max_output_tokens = get_count(*provider, "max_completion_tokens");
  return info;
}

}  // namespace

std::expected<HttpRequest, Error> list_models(const Target& target, std::string_view, std::chrono::sys_seconds) {
  return start_request("GET", openai_url(target, "models"), {{"Accept", "application/json"}}, target);
}

std::expected<ModelPage, Error> read_models(std::string_view body) {
  EventJson json;
  const auto root = json.parse(body);
  // Together responds with the array itself.
  const auto list = root && root->is_object() ? get_member(*root, "data") : root;
  simdjson::dom::array models;
  if (!list || list->get(models) != simdjson::SUCCESS) {
    return std::unexpected(
        upstream_fault(error_code::bad_response, "the list of models is not in the API's form", false));
  }
  ModelPage page;
  for (const JsonElement model : models) {
    ModelInfo info = read_model(json, model);
    if (!info.id.empty()) page.models.push_back(std::move(info));
  }
  return page;
}

}  // namespace aiw::openai_chat
