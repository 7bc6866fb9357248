#include <algorithm>
#include <array>
#include <exception>
#include <iterator>
#include <new>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/providers/profile/adapted_chat.hpp"
#include "worker/providers/profile/state_maker.hpp"
#include "worker/providers/wire_apis.hpp"

namespace aiw {

namespace {

// The wire APIs in the order of Api. Their names in a config are in protocol/config.cpp.
struct Row {
  Api api;
  const WireApi* functions;  // nullptr: none (mock)
  Auth auth;                 // how the key is sent unless the config says otherwise
  bool model_in_path = false;
};
constexpr auto kRows = std::to_array<Row>({
    {Api::openai_chat, &openai_chat::kApi, Auth::bearer},
    {Api::openai_responses, &openai_responses::kApi, Auth::bearer},
    {Api::openai_completions, &openai_completions::kApi, Auth::bearer},
    {Api::anthropic_messages, &anthropic_messages::kApi, Auth::x_api_key},
    {Api::gemini_generate, &google::kGeminiApi, Auth::x_goog_api_key, true},
    {Api::vertex, &google::kVertexApi, Auth::bearer, true},
    {Api::azure_openai, &openai_chat::kApi, Auth::api_key, true},
    {Api::bedrock_converse, &bedrock::kConverseApi, Auth::bearer, true},
    {Api::bedrock_invoke, &bedrock::kInvokeApi, Auth::bearer, true},
    {Api::cohere_chat, &cohere_chat::kApi, Auth::bearer},
    {Api::ollama_chat, &ollama::kChatApi, Auth::bearer},
    {Api::ollama_generate, &ollama::kGenerateApi, Auth::bearer},
    {Api::azure_openai_responses, &openai_responses::kApi, Auth::api_key},
    {Api::vertex_anthropic, &google::kVertexAnthropicApi, Auth::bearer, true},
    {Api::mock, nullptr, Auth::bearer},
});

constexpr const Row& row_of(Api api) { return kRows[static_cast<std::size_t>(api)]; }
static_assert(std::ranges::all_of(kRows, [](const Row& row) { return &row_of(row.api) == &row; }));

}  // namespace

const WireApi* wire_api(Api api) { return row_of(api).functions; }

Auth default_auth(Api api) { return row_of(api).auth; }

bool has_model_in_path(Api api) { return row_of(api).model_in_path; }

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
  } catch (const std::exception&) {  // what() is not reported: it may quote the conversation
    return std::unexpected(
        Error{.code = error_code::internal, .message = "the worker failed to build the provider's request"});
  }
}

}  // namespace aiw
