// Helpers of the decoder tests: lines in, and requests described as JSON that a test can compare as a whole.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/decode.hpp"

namespace aiw::test {

inline Request decode(std::string_view line, int max_depth = 128) {
  return decode_line({std::string(line), false}, {.max_depth = max_depth});
}

// Decodes `line` as a request of type T. Fails the test if it is another type.
template <typename T>
T decode_as(std::string_view line) {
  Request request = decode(line);
  if (const auto* rejected = std::get_if<RejectedLine>(&request)) {
    INFO("rejected: " << rejected->error.code << ": " << rejected->error.message << " at " << rejected->error.pointer);
    REQUIRE(std::holds_alternative<T>(request));
  }
  REQUIRE(std::holds_alternative<T>(request));
  return std::get<T>(std::move(request));
}

inline std::unique_ptr<ChatRequest> decode_chat(std::string_view line) {
  return decode_as<std::unique_ptr<ChatRequest>>(line);
}

inline RejectedLine decode_rejected(std::string_view line) { return decode_as<RejectedLine>(line); }

// Returns a chat with `fields` (comma-separated members) in its payload.
inline std::string chat_line(std::string_view fields) {
  return R"({"id":"c1","type":"chat","payload":{)" + std::string(fields) + "}}";
}

inline std::string messages_line(std::string_view messages) {
  return chat_line(R"("messages":)" + std::string(messages));
}

// Returns a chat with one user message whose content is `content`.
inline std::string content_line(std::string_view content) {
  return messages_line(R"([{"role":"user","content":)" + std::string(content) + "}]");
}

// Describes with strings decoded, spans parsed and empty fields left out.
nlohmann::ordered_json describe(const std::vector<Message>& messages);
nlohmann::ordered_json describe(const Config& config);
nlohmann::ordered_json describe(const Request& request);

// Returns the peak resident memory of decoding `line` in bytes; 0 under AddressSanitizer, which counts its own memory.
long decoding_memory(std::string line, Request& request);

}  // namespace aiw::test
