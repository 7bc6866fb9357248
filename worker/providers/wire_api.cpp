#include <exception>
#include <iterator>
#include <new>
#include <utility>

#include "worker/providers/anthropic_messages/anthropic_messages.hpp"
#include "worker/providers/bedrock/converse.hpp"
#include "worker/providers/bedrock/invoke.hpp"
#include "worker/providers/cohere_chat/cohere_chat.hpp"
#include "worker/providers/google/gemini_generate.hpp"
#include "worker/providers/google/vertex.hpp"
#include "worker/providers/ollama/ollama.hpp"
#include "worker/providers/openai_chat/openai_chat.hpp"
#include "worker/providers/openai_completions/openai_completions.hpp"
#include "worker/providers/openai_responses/openai_responses.hpp"
#include "worker/providers/profile/adapted_chat.hpp"
#include "worker/providers/profile/state_maker.hpp"

namespace aiw {

const WireApi* wire_api(Api api) {
  switch (api) {
    case Api::openai_chat:
    case Api::azure_openai: return &openai_chat_api();
    case Api::openai_responses:
    case Api::azure_openai_responses: return &openai_responses_api();
    case Api::anthropic_messages: return &anthropic_messages_api();
    case Api::openai_completions: return &openai_completions_api();
    case Api::cohere_chat: return &cohere_chat_api();
    case Api::ollama_chat: return &ollama_chat_api();
    case Api::ollama_generate: return &ollama_generate_api();
    case Api::gemini_generate: return &gemini_generate_api();
    case Api::vertex: return &vertex_api();
    case Api::vertex_anthropic: return &vertex_anthropic_api();
    case Api::bedrock_converse: return &bedrock_converse_api();
    case Api::bedrock_invoke: return &bedrock_invoke_api();
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
