// What the decoder's tests share: lines in, and requests shown as JSON that a test can compare whole.
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

// The request that `line` must decode to; fails the test if it is another one.
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

// A chat with `fields` (members, comma-separated) in its payload.
inline std::string chat_line(std::string_view fields) {
  return R"({"id":"c1","type":"chat","payload":{)" + std::string(fields) + "}}";
}

inline std::string messages_line(std::string_view messages) {
  return chat_line(R"("messages":)" + std::string(messages));
}

// One user message whose content is `content`.
inline std::string content_line(std::string_view content) {
  return messages_line(R"([{"role":"user","content":)" + std::string(content) + "}]");
}

// Strings decoded, spans parsed, empty fields left out.
nlohmann::ordered_json describe(const std::vector<Message>& messages);
nlohmann::ordered_json describe(const Config& config);
nlohmann::ordered_json describe(const Request& request);

// Resident memory that decoding `line` took at its peak, in bytes; 0 under AddressSanitizer, which counts its own.
long decoding_memory(std::string line, Request& request);

}  // namespace aiw::test
