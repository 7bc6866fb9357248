// Converter for the requests of one wire API: maps a recorded body to our `chat` payload, and normalises bodies so that
// equivalent ones are equal.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace aiw::tools {

struct RecordedRequest {
  std::string id;
  std::string api;
  std::string provider;  // name in the corpus
  bool streaming = false;
  std::string method;
  std::string path;  // including the query
  nlohmann::json body;
};

struct ConvertedRequest {
  nlohmann::json payload;  // payload of a `chat` line without config, provider and model
  std::string model;       // name used by the upstream
  std::string base_path;   // prefix of the recorded path that belongs to the provider's base URL, such as "/v1"
  nlohmann::json provider = nlohmann::json::object();  // fields to add to or override in the provider's entry
};

struct RequestConverter {
  std::string_view api;
  // May throw nlohmann/json exceptions; they are reported as an invalid body.
  ConvertedRequest (*convert)(const RecordedRequest& recorded);
  // Applied to the recorded body and to the sent body. May equate only bodies that are equivalent according to the
  // API's documents.
  nlohmann::json (*normalise)(nlohmann::json body);
  // JSON pointers into the body: fields with a name in our protocol, which providerOptions must not contain.
  std::span<const std::string_view> named;
  // Same for paths; nullptr: paths must be equal.
  std::string (*normalise_path)(std::string path) = nullptr;
};

// Returns nullptr for an API without a converter.
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
