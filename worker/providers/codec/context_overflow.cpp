#include "worker/providers/codec/context_overflow.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <string>

#include "protocol/ascii.hpp"
#include "protocol/codes.hpp"

namespace aiw {
namespace {

// Error codes and types, in lower case. Each has only this meaning.
constexpr auto kCodes = std::to_array<std::string_view>({
    "context_length_exceeded",           // OpenAI, Azure, Groq, Cerebras, Together
    "context_window_exceeded",           // gateways
    "exceed_context_size_error",         // llama.cpp
    "model_context_window_exceeded",     // Z.ai
    "model_max_prompt_tokens_exceeded",  // GitHub Copilot
    "prompt_too_long",                   // Groq, gateways
    "tokens_limit_reached",              // GitHub Models
    "too_many_prompt_tokens",            // Perplexity
    "too_many_tokens",                   // Cohere's error_type
});

// Message phrases, in lower case, that have only this meaning.
constexpr auto kPhrases = std::to_array<std::string_view>({
    "prompt is too long",                        // Anthropic, also on Bedrock and Vertex AI; Fireworks
    "prompt too long",                           // Ollama
    "prompt exceeds max length",                 // Z.ai
    "input is too long for requested model",     // Bedrock
    "input tokens exceeded",                     // Nova on Bedrock
    "too many input tokens",                     // Titan on Bedrock
    "too many tokens",                           // Cohere
    "input token count",                         // Gemini, Vertex AI
    "prompt token count",                        // GitHub Copilot
    "requested token count exceeds",             // SGLang
    "maximum prompt length",                     // xAI
    "maximum model length",                      // vLLM
    "maximum allowed input length",              // OpenRouter
    "maximum allowed token size",                // Azure AI
    "maximum context length",                    // OpenAI, vLLM, DeepSeek, Mistral, OpenRouter
    "reduce the length of the messages",         // Groq, Cerebras
    "total length of all messages is too long",  // Perplexity
    "tokens in request more than max tokens",    // Z.ai
    "exceeded model token limit",                // Moonshot
    "input tokens exceed",                       // OpenAI Responses: "Input tokens exceed the configured limit"
    "range of input length should be",           // Alibaba
    "`inputs` must have less than",              // Hugging Face TGI
    "`inputs` tokens + `max_new_tokens` must",   // Hugging Face TGI, Together
});

// Fallback: words for the context, and words for an excess. A message must have one of each.
constexpr auto kContextWords = std::to_array<std::string_view>(
    {"context length", "context window", "context size", "context limit", "context_length", "n_ctx"});
constexpr auto kExcessWords = std::to_array<std::string_view>(
    {"exceed", "too long", "too large", "too many", "longer than", "greater than", "larger than", "overflow", "only "});

// Rate limits: a budget of tokens over time is not a context limit.
constexpr auto kRateWords =
    std::to_array<std::string_view>({"per minute", "per min)", "per min.", "per hour", "per day", "tpm", "rate limit",
                                     "rate_limit", "too many requests", "quota", "throttl", "please wait"});

// Texts before the number of the limit, most specific first.
constexpr auto kBeforeLimit = std::to_array<std::string_view>({
    "maximum context length is ",
    "maximum context length of ",
    "maximum context length (",
    "maximum context length: ",
    "maximum prompt length is ",
    "maximum model length of ",
    "maximum allowed input length of ",
    "maximum allowed token size ",
    "maximum number of tokens allowed (",
    "context length is only ",
    "context length of only ",
    "context length is ",
    "context length (",
    "context length of ",
    "context size (",
    "context size is ",
    "context window limit (",
    "context window of ",
    "too large for model with ",
    "exceeds the limit of ",
    "exceed the configured limit of ",
    "model token limit: ",
    "range of input length should be [1, ",
    "only supports up to ",
    "prompt cannot exceed ",
    "limit for this model is ",
    "while limit is ",
    "max input tokens: ",
    "max size: ",
    "must be <= ",
    "must have less than ",
    " > ",  // Anthropic: "210000 tokens > 200000 maximum"; "190000 + 20000 > 200000"
});
constexpr auto kBeforeRequest = std::to_array<std::string_view>({
    "messages resulted in ",
    "contains at least ",  // vLLM, which stops counting at that number
    "you requested a total of ",
    "you requested about ",
    "you requested ",
    "the request contains ",
    "prompt is too long: ",
    "input token count (",
    "input token count is ",
    "prompt token count of ",
    "request input token count: ",
    "prompt contains ",
    "prompt has ",
    "your request has ",
    "you passed ",
    "exceed context limit: ",
    "(requested: ",
    "current length is ",
    "maximum output tokens (",  // Cloudflare: "the estimated number of input and maximum output tokens (N) …"
    "request (",
    "the input (",
    "prompt (length ",
    "input length (",
    "input length ",
    "given: ",
    "received ",
    "keep the first ",
});

bool has_one_of(std::string_view text, std::span<const std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return text.contains(word); });
}

// Returns the number at the start of `text`, with or without commas between its digits.
std::optional<std::int64_t> number_at_start(std::string_view text) {
  constexpr std::size_t kMaxDigits = 15;
  std::string digits;
  for (std::size_t i = 0; i < text.size() && digits.size() < kMaxDigits; ++i) {
    const bool separates = text[i] == ',' && i + 1 < text.size() && is_ascii_digit(text[i + 1]) && !digits.empty();
    if (separates) continue;
    if (!is_ascii_digit(text[i])) break;
    digits += text[i];
  }
  std::int64_t number = 0;
  const char* end = digits.data() + digits.size();
  if (digits.empty() || std::from_chars(digits.data(), end, number).ptr != end || number == 0) return std::nullopt;
  return number;
}

std::optional<std::int64_t> number_behind(std::string_view message, std::span<const std::string_view> words) {
  for (const auto word : words) {
    for (auto at = message.find(word); at != std::string_view::npos; at = message.find(word, at + 1)) {
      if (const auto number = number_at_start(message.substr(at + word.size()))) return number;
    }
  }
  return std::nullopt;
}

// Accepts only the provider's own response to the request. Some local servers respond with 500 (category upstream).
bool may_be_overflow(const Error& error) {
  const bool by_provider = error.code == error_code::upstream_http || error.code == error_code::upstream_error;
  return by_provider && (error.category == Category::invalid_request || error.category == Category::upstream);
}

bool says_overflow(std::string_view code, std::string_view message) {
  if (std::ranges::find(kCodes, code) != kCodes.end()) return true;
  return has_one_of(message, kPhrases) || (has_one_of(message, kContextWords) && has_one_of(message, kExcessWords));
}

}  // namespace

void mark_context_overflow(Error& error) {
  const std::string code = ascii_lower(error.provider_code);
  const std::string message = ascii_lower(error.message);
  if (!may_be_overflow(error) || has_one_of(message, kRateWords) || !says_overflow(code, message)) return;
  error.code = error_code::context_overflow;
  error.category = Category::invalid_request;
  error.retryable = false;
  error.retry_after_ms.reset();
  if (!error.limit_tokens) error.limit_tokens = number_behind(message, kBeforeLimit);
  if (!error.request_tokens) error.request_tokens = number_behind(message, kBeforeRequest);
}

}  // namespace aiw
