// The wire APIs, each defined in its folder. wire_api() finds them.
#pragma once

#include "worker/providers/provider.hpp"

namespace aiw {

// OpenAI's Chat Completions API, which most other providers and local servers also support. Also used for Azure, whose
// URLs differ (openai_chat::openai_url).
namespace openai_chat {
extern const WireApi kApi;
}

// OpenAI's legacy completions API, which continues a text.
namespace openai_completions {
extern const WireApi kApi;
}

// OpenAI's Responses API (platform.openai.com/docs/api-reference/responses), which Azure and several others also
// support.
namespace openai_responses {
extern const WireApi kApi;
}

// Anthropic's Messages API (docs.anthropic.com/en/api/messages). Several gateways and other providers support it too.
namespace anthropic_messages {
extern const WireApi kApi;
}

// Google's Gemini API (ai.google.dev/api/generate-content), and Vertex AI: the same messages and, for Claude's models,
// Anthropic's, at URLs that name a project and a location.
namespace google {
extern const WireApi kGeminiApi, kVertexApi, kVertexAnthropicApi;
}

// Amazon Bedrock's two APIs (docs.aws.amazon.com/bedrock/latest/APIReference). Converse and ConverseStream serve all
// models. InvokeModel and InvokeModelWithResponseStream serve Claude; they take Messages requests and return Messages
// events inside an event stream.
namespace bedrock {
extern const WireApi kConverseApi, kInvokeApi;
}

// Cohere's chat API, version 2.
namespace cohere_chat {
extern const WireApi kApi;
}

// Ollama's own API: /api/chat, and /api/generate for one prompt.
namespace ollama {
extern const WireApi kChatApi, kGenerateApi;
}

}  // namespace aiw
