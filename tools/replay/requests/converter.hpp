// What it takes to judge the requests of one wire API: a recorded body to our `chat` payload, and a form in which
// bodies that mean the same are equal.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace aiw::tools {

struct RecordedRequest {
  std::string id;
  std::string api;
  std::string provider;  // as the corpus names it
  bool streaming = false;
  std::string method;
  std::string path;  // with its query
  nlohmann::json body;
};

struct ConvertedRequest {
  nlohmann::json payload;  // of a `chat` line: everything but the config, the provider and the model
  std::string model;       // as the upstream names it
  std::string base_path;   // the start of the recorded path that belongs to the provider's base URL; "/v1", say
  nlohmann::json provider =
      nlohmann::json::object();  // further fields of the provider's entry, or other values of them
};

struct RequestConverter {
  std::string_view api;
  // May throw what nlohmann/json throws: a body that is not what the API takes is reported as such.
  ConvertedRequest (*convert)(const RecordedRequest& recorded);
  // Applied to the recorded body and to the one that was sent. Only what the API's documents say means the same may
  // become equal.
  nlohmann::json (*normalise)(nlohmann::json body);
  // JSON pointers into the body: what our protocol has a name for, so that providerOptions may not carry it.
  std::span<const std::string_view> named;
  // The same for paths; nullptr: they must be equal as they are.
  std::string (*normalise_path)(std::string path) = nullptr;
};

// nullptr for an API that has none.
const RequestConverter* find_request_converter(std::string_view api);

const RequestConverter& openai_chat_requests();
const RequestConverter& bedrock_converse_requests();
const RequestConverter& bedrock_invoke_requests();
const RequestConverter& anthropic_messages_requests();
const RequestConverter& cohere_chat_requests();
const RequestConverter& ollama_chat_requests();
const RequestConverter& ollama_generate_requests();
const RequestConverter& openai_completions_requests();
const RequestConverter& gemini_generate_requests();
const RequestConverter& openai_responses_requests();

}  // namespace aiw::tools
