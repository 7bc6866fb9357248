#include <algorithm>
#include <array>

#include "tools/replay/requests/converter.hpp"

namespace aiw::tools {

const RequestConverter* find_request_converter(std::string_view api) {
  static const std::array kConverters = {
      &openai_chat_requests(),      &anthropic_messages_requests(), &cohere_chat_requests(),
      &ollama_chat_requests(),      &ollama_generate_requests(),    &openai_completions_requests(),
      &bedrock_converse_requests(), &bedrock_invoke_requests(),     &gemini_generate_requests(),
      &openai_responses_requests(),
  };
  const auto found = std::ranges::find(kConverters, api, &RequestConverter::api);
  return found == kConverters.end() ? nullptr : *found;
}

}  // namespace aiw::tools
