// The body of a Gemini request, which AI Studio and Vertex AI share, and its URLs.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/chat.hpp"
#include "worker/base/rope.hpp"
#include "worker/providers/provider.hpp"

namespace aiw::google {

struct Body {
  Rope body;  // refers to the conversation's bytes
  std::vector<ChatRequest::Note> notes;
};

// The body of a step, `contents` last.
std::expected<Body, Error> build_body(const StepInput& input);

// The base URL with its version: the one that it ends in, else `version`.
std::string with_api_version(std::string_view base_url, std::string_view version);
// What follows the model in the URL.
std::string_view operation_suffix(const ChatRequest& chat);
// A model's name, or a path of names, for a URL.
std::string encode_path(std::string_view text);

}  // namespace aiw::google
