#include "worker/providers/codec/context_overflow.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/providers/bedrock/event_stream.hpp"
#include "tests/providers/corpus.hpp"
#include "worker/providers/bedrock/error.hpp"
#include "worker/providers/codec/http_error.hpp"

using namespace aiw;

namespace {

Error marked(Error error) {
  mark_context_overflow(error);
  return error;
}

Error http(int status, std::string_view body) { return marked(http_error(ResponseHead{status, {}}, body)); }

Error in_stream(std::string_view json) {
  EventJson reader;
  return marked(in_stream_error(reader, *reader.parse(json)));
}

std::int64_t or_zero(const std::optional<std::int64_t>& number) { return number.value_or(0); }

}  // namespace

TEST_CASE("every provider's words for a context that is too long, with the numbers that they give") {
  struct Row {
    const char* who;
    int status;
    const char* body;
    std::int64_t limit, request;  // 0: not told
  };
  for (const Row&
           row : {
               Row{"OpenAI Chat", 400,
                   R"({"error":{"message":"This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens. Please reduce the length of the messages.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}})",
                   128000, 130000},
               Row{"OpenAI Chat, with a completion", 400,
                   R"({"error":{"message":"This model's maximum context length is 8191 tokens, however you requested 10346 tokens (10346 in your prompt; 5 for the completion)."}})",
                   8191, 10346},
               Row{"OpenAI Responses", 400,
                   R"({"error":{"message":"Your input exceeds the context window of this model. Please adjust your input and try again.","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}})",
                   0, 0},
               Row{"OpenAI Responses, with numbers", 400,
                   R"({"error":{"message":"Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.","code":"context_length_exceeded"}})",
                   272000, 300000},
               Row{"Azure AI", 400,
                   R"({"error":{"message":"Input length 9000 exceeds maximum allowed token size 8192"}})", 8192, 9000},
               Row{"GitHub Models", 413,
                   R"({"error":{"code":"tokens_limit_reached","message":"Request body too large for gpt-4o model. Max size: 8000 tokens."}})",
                   8000, 0},
               Row{"GitHub Copilot", 400,
                   R"({"error":{"message":"prompt token count of 168929 exceeds the limit of 168000","code":"model_max_prompt_tokens_exceeded"}})",
                   168000, 168929},
               Row{"Anthropic", 400,
                   R"({"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}})",
                   200000, 210000},
               Row{"Anthropic, with max_tokens", 400,
                   R"({"type":"error","error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again"}})",
                   200000, 190000},
               Row{"Gemini", 400,
                   R"({"error":{"code":400,"status":"INVALID_ARGUMENT","message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."}})",
                   1048576, 1200000},
               Row{"Vertex AI", 400,
                   R"([{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"Unable to submit request because the input token count is 40000 but the model only supports up to 32767."}}])",
                   32767, 40000},
               Row{"Cohere", 400,
                   R"({"error_type":"TOO_MANY_TOKENS","message":"too many tokens: size limit exceeded by 25836 tokens. Try using shorter or fewer inputs. The limit for this model is 288000 tokens."})",
                   288000, 0},
               Row{"Cohere, older", 400,
                   R"({"message":"too many tokens: total number of tokens in the prompt cannot exceed 4096 - received 5000."})",
                   4096, 5000},
               Row{"Groq", 400,
                   R"({"error":{"message":"Please reduce the length of the messages or completion.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}})",
                   0, 0},
               Row{"Cerebras", 400,
                   R"({"message":"Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192","type":"invalid_request_error","code":"context_length_exceeded"})",
                   8192, 9000},
               Row{"Mistral", 400,
                   R"({"object":"error","message":"Prompt contains 300000 tokens and 0 draft tokens, too large for model with 131072 maximum context length","type":"invalid_request_invalid_args","code":"3051"})",
                   131072, 300000},
               Row{"DeepSeek", 400,
                   R"({"error":{"message":"This model's maximum context length is 1048565 tokens. However, you requested 1250025 tokens (1250025 in the messages, 0 in the completion).","type":"invalid_request_error","code":"invalid_request_error"}})",
                   1048565, 1250025},
               Row{"xAI", 400,
                   R"({"code":"Client specified an invalid argument","error":"This model's maximum prompt length is 131072 but the request contains 537812 tokens."})",
                   131072, 537812},
               Row{"OpenRouter", 400,
                   R"({"error":{"message":"This endpoint's maximum context length is 200000 tokens. However, you requested about 2500021 tokens (2500021 of text input).","code":400}})",
                   200000, 2500021},
               Row{"OpenRouter, another", 400,
                   R"({"error":{"message":"Input length 131393 exceeds the maximum allowed input length of 131040 tokens.","code":400}})",
                   131040, 131393},
               Row{"Perplexity", 400,
                   R"({"error":{"message":"The total length of all messages is too long.","type":"too_many_prompt_tokens","code":400}})",
                   0, 0},
               Row{"Moonshot", 400,
                   R"j({"error":{"message":"Invalid request: Your request exceeded model token limit: 262144 (requested: 300000)","type":"invalid_request_error"}})j",
                   262144, 300000},
               Row{"Z.ai", 400, R"({"error":{"code":"1261","message":"Prompt exceeds max length"}})", 0, 0},
               Row{"Z.ai, another", 400, R"({"error":{"message":"tokens in request more than max tokens allowed"}})", 0,
                   0},
               Row{"Alibaba", 400,
                   R"({"error":{"message":"Range of input length should be [1, 129024]","type":"invalid_request_error","code":"invalid_parameter_error"}})",
                   129024, 0},
               Row{"MiniMax", 400, R"j({"error":{"message":"invalid params, context window exceeds limit (2013)"}})j",
                   0, 0},
               Row{"Together", 400,
                   R"({"error":{"message":"The input (516368 tokens) is longer than the model's context length (262144 tokens)."}})",
                   262144, 516368},
               Row{"Fireworks", 400,
                   R"({"error":{"message":"The prompt is too long: 200000, model maximum context length: 131071"}})",
                   131071, 200000},
               Row{"Hugging Face TGI", 422,
                   R"({"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 100 `max_new_tokens`","error_type":"validation"})",
                   4096, 5000},
               Row{"Cloudflare", 400,
                   R"({"error":{"message":"The estimated number of input and maximum output tokens (9000) exceeded this model context window limit (8192)."}})",
                   8192, 9000},
               Row{"vLLM", 400,
                   R"({"object":"error","message":"This model's maximum context length is 8192 tokens. However, your request has 9000 input tokens. Please reduce the length of the input messages.","type":"BadRequestError","code":400})",
                   8192, 9000},
               Row{"vLLM, newer", 400,
                   R"({"error":{"message":"You passed 9000 input tokens and requested 100 output tokens. However, the model's context length is only 8192 tokens, resulting in a maximum input length of 8092 tokens.","type":"BadRequestError","param":"input_tokens","code":400}})",
                   8192, 9000},
               Row{"vLLM, by a lower bound", 400,
                   R"({"error":{"message":"This model's maximum context length is 8192 tokens. However, you requested 100 output tokens and your prompt contains at least 8093 input tokens, for a total of at least 8193 tokens.","type":"BadRequestError","param":"input_tokens","code":400}})",
                   8192, 8093},
               Row{"vLLM, the decoder", 400,
                   R"({"error":{"message":"The decoder prompt (length 10896) is longer than the maximum model length of 8192.","code":400}})",
                   8192, 10896},
               Row{"SGLang", 400,
                   R"({"object":"error","message":"Requested token count exceeds the model's maximum context length of 131072 tokens. You requested a total of 140000 tokens: 130000 tokens from the input messages and 10000 tokens for the completion.","code":400})", 131072,
                   140000},
               Row{"llama.cpp", 400,
                   R"({"error":{"code":400,"message":"request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}})",
                   4096, 5000},
               Row{"llama.cpp, while it answers", 500,
                   R"({"error":{"code":500,"message":"Context size has been exceeded.","type":"server_error"}})", 0, 0},
               Row{"LM Studio", 400,
                   R"({"error":"Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough."})",
                   4096, 5000},
               Row{"LM Studio, another", 400,
                   R"({"error":"The number of tokens to keep from the initial prompt is greater than the context length."})",
                   0, 0},
               Row{"Ollama", 400, R"({"error":"the input length exceeds the context length"})", 0, 0},
               Row{"Ollama, another", 400, R"({"error":"prompt too long; exceeded max context length by 4096 tokens"})",
                   0, 0},
               Row{"a server with separators", 400,
                   R"({"error":{"message":"Prompt has 5,958,968 tokens, but the configured context size is 256,000 tokens, which it exceeds"}})",
                   256000, 5958968},
           }) {
    CAPTURE(row.who);
    const Error error = http(row.status, row.body);
    CHECK(error.code == "context_overflow");
    CHECK(error.category == Category::invalid_request);
    CHECK_FALSE(error.retryable);
    CHECK(error.status == row.status);
    CHECK(or_zero(error.limit_tokens) == row.limit);
    CHECK(or_zero(error.request_tokens) == row.request);
  }
}

TEST_CASE("Bedrock's words for it, whoever made the model") {
  for (
      const char* body :
      {R"({"message":"Input is too long for requested model."})",
       R"({"message":"prompt is too long: 210000 tokens > 200000 maximum"})",
       R"({"message":"Input Tokens Exceeded: Number of input tokens exceeds maximum length."})",
       R"({"message":"This model's maximum context length is 8192 tokens. Please reduce the length of the prompt"})",
       R"({"message":"400 Bad Request: Too many input tokens. Max input tokens: 8192, request input token count: 9000 "})"}) {
    CAPTURE(body);
    CHECK(marked(bedrock::aws_http_error({400, {{"x-amzn-errortype", "ValidationException"}}}, body)).code ==
          "context_overflow");
    CHECK(marked(bedrock::stream_error("validationException", body)).code == "context_overflow");
  }
  const auto counted =
      http(400, R"({"message":"Too many input tokens. Max input tokens: 8192, request input token count: 9000 "})");
  CHECK(counted.limit_tokens == 8192);
  CHECK(counted.request_tokens == 9000);
}

TEST_CASE("an error inside a stream is told like one of HTTP") {
  for (
      const char* json :
      {R"({"code":"context_length_exceeded","message":"Your input exceeds the context window of this model."})",
       R"({"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"})",
       R"({"code":400,"status":"INVALID_ARGUMENT","message":"The input token count (12) exceeds the maximum number of tokens allowed (10)."})",
       R"({"code":500,"type":"server_error","message":"Context size has been exceeded."})",
       R"("the input length exceeds the context length")"}) {
    CAPTURE(json);
    const Error error = in_stream(json);
    CHECK(error.code == "context_overflow");
    CHECK(error.category == Category::invalid_request);
    CHECK_FALSE(error.retryable);
  }
  CHECK(in_stream(R"({"code":400,"type":"exceed_context_size_error","message":"m","n_prompt_tokens":9,"n_ctx":8})")
            .limit_tokens == 8);
}

TEST_CASE("what only speaks of tokens is no context that is too long") {
  struct Row {
    int status;
    const char* body;
  };
  for (
      const Row& row : {
          Row{429, R"({"message":"Too many tokens, please wait before trying again."})"},
          Row{400, R"({"message":"Too many tokens, please wait before trying again."})"},
          Row{413,
              R"({"error":{"message":"Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 8000, please reduce your message size.","type":"tokens","code":"rate_limit_exceeded"}})"},
          Row{429,
              R"({"error":{"message":"Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000. The maximum context length …","code":"rate_limit_exceeded"}})"},
          Row{400,
              R"({"error":{"message":"max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens"}})"},
          Row{400, R"({"error":{"message":"Range of max_tokens should be [1, 8192]"}})"},
          Row{400, R"({"error":{"message":"Invalid schema: the description is too long"}})"},
          Row{400, R"({"error":{"message":"The long context beta is not yet available for this subscription."}})"},
          Row{403, R"({"error":{"message":"this key may not use a context window that exceeds 200000 tokens"}})"},
          Row{503, R"({"error":{"message":"overloaded: the context window exceeds what is free now"}})"},
          Row{413,
              R"({"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}})"},
      }) {
    CAPTURE(row.body);
    CHECK(http(row.status, row.body).code == "upstream_http");
  }
  CHECK(marked(bedrock::stream_error("throttlingException", "Too many tokens")).code == "upstream_error");
  CHECK(marked(upstream_fault("truncated_stream", "the context window exceeds", true)).code == "truncated_stream");
}

TEST_CASE("every API's decoder brings the words of an error that comes in place of an answer, in a stream or a body") {
  const std::string words =
      "This model's maximum context length is 10 tokens. However, your messages resulted in 12 tokens.";
  const std::string error = R"({"error":{"message":")" + words + R"(","type":"invalid_request_error"}})";
  const std::string google = R"({"error":{"code":400,"status":"INVALID_ARGUMENT","message":")" + words + "\"}}";
  const std::string claude = R"({"type":"error","error":{"type":"invalid_request_error","message":")" + words + "\"}}";
  const std::string failed =
      R"({"type":"response.failed","response":{"status":"failed","error":{"code":"context_length_exceeded","message":")" +
      words + "\"}}}";
  const std::string plain = R"({"message":")" + words + "\"}";
  const auto event = [](const std::string& data) { return "data: " + data + "\n\n"; };
  const std::string exception = aiw::testing::bedrock_exception("validationException", plain);
  struct Row {
    Api api;
    std::string stream, body;  // empty: the API has no error in a body of a 200
  };
  for (const Row& row :
       {Row{Api::openai_chat, event(error), error}, Row{Api::azure_openai, event(error), error},
        Row{Api::openai_completions, event(error), error}, Row{Api::openai_responses, event(failed), error},
        Row{Api::openai_responses,
            event(R"({"type":"error","code":"context_length_exceeded","message":")" + words + "\"}"), ""},
        Row{Api::azure_openai_responses, event(failed), error},
        Row{Api::anthropic_messages, "event: error\n" + event(claude), claude},
        Row{Api::vertex_anthropic, "event: error\n" + event(claude), claude},
        Row{Api::gemini_generate, event(google), google}, Row{Api::vertex, event(google), "[" + google + "]"},
        Row{Api::bedrock_converse, exception, ""}, Row{Api::bedrock_invoke, exception, claude},
        Row{Api::cohere_chat, event(R"({"type":"error","message":")" + words + "\"}"), error},
        Row{Api::ollama_chat, R"({"error":")" + words + "\"}\n", R"({"error":")" + words + "\"}"},
        Row{Api::ollama_generate, R"({"error":")" + words + "\"}\n", R"({"error":")" + words + "\"}"}}) {
    CAPTURE(to_string(row.api));
    for (const BodyFormat format : {BodyFormat::stream, BodyFormat::unary}) {
      const std::string& text = format == BodyFormat::stream ? row.stream : row.body;
      if (text.empty()) continue;
      CAPTURE(text);
      const auto got = aiw::testing::decode(*wire_api(row.api), format, text);
      REQUIRE(got.failed);
      const Error told = marked(*got.failed);
      CHECK(told.code == "context_overflow");
      CHECK(told.category == Category::invalid_request);
      CHECK_FALSE(told.retryable);
      CHECK(told.limit_tokens == 10);
      CHECK(told.request_tokens == 12);
    }
  }
}
