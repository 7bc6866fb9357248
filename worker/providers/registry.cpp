#include <exception>
#include <iterator>
#include <new>
#include <utility>

#include "worker/providers/anthropic_messages/api.hpp"
#include "worker/providers/bedrock/api.hpp"
#include "worker/providers/cohere_chat/api.hpp"
#include "worker/providers/google/api.hpp"
#include "worker/providers/ollama/api.hpp"
#include "worker/providers/openai_chat/api.hpp"
#include "worker/providers/openai_completions/api.hpp"
#include "worker/providers/openai_responses/api.hpp"
#include "worker/providers/profile/adapted_chat.hpp"
#include "worker/providers/profile/state_maker.hpp"

namespace aiw {

const WireApi* wire_api(Api api) {
  switch (api) {
    case Api::openai_chat:
    case Api::azure_openai: return &openai_chat::api();
    case Api::openai_responses:
    case Api::azure_openai_responses: return &openai_responses::api();
    case Api::anthropic_messages: return &anthropic_messages::api();
    case Api::openai_completions: return &openai_completions::api();
    case Api::cohere_chat: return &cohere_chat::api();
    case Api::ollama_chat: return &ollama::chat_api();
    case Api::ollama_generate: return &ollama::generate_api();
    case Api::gemini_generate: return &google::gemini_api();
    case Api::vertex: return &google::vertex_api();
    case Api::vertex_anthropic: return &google::vertex_anthropic_api();
    case Api::bedrock_converse: return &bedrock::converse_api();
    case Api::bedrock_invoke: return &bedrock::invoke_api();
    default: return nullptr;
  }
}

std::expected<BuiltRequest, Error> build_request(const WireApi& api, const StepInput& input) {
  try {
    const auto adapted = input.adapted != nullptr ? input.adapted : std::make_shared<AdaptedChat>();
    RequestNotes notes;
    auto built = api.build(adapted->adapt(input, notes));
    if (!built) return built;
    auto all = notes.take();
    all.insert(all.end(), std::make_move_iterator(built->notes.begin()), std::make_move_iterator(built->notes.end()));
    built->notes = std::move(all);
    built->maker = state_maker(input.target);
    built->renamed = adapted->renamed();
    built->memory = adapted;
    return built;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {  // its text may quote the conversation
    return std::unexpected(Error{.code = "internal", .message = "the worker failed to build the provider's request"});
  }
}

}  // namespace aiw
