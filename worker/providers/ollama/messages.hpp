// What the requests of Ollama's two endpoints have in common: the options before the conversation, and images.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "worker/providers/codec/request.hpp"
#include "worker/providers/provider.hpp"

namespace aiw::ollama {

// The members of a body before the conversation, as a JSON object with providerOptions applied; those named in
// `reserved` stay ours.
std::string write_options(const StepInput& input, bool takes_tools, std::span<const std::string_view> reserved,
                          RequestNotes& notes);

// A POST to the endpoint `path`, whichever of its APIs the base URL names.
std::expected<HttpRequest, Error> start_post(std::string_view path, const StepInput& input);

// Images go as base64 beside a message's text. Error: an image that is given by URL, which Ollama does not fetch.
std::expected<void, Error> check_media(std::span<const Message> messages, RequestNotes& notes);
// Appends `,"images":[…]` if there are any; `open` says whether the array was begun.
void append_images(Rope& body, const std::vector<Part>& parts, bool& open);

}  // namespace aiw::ollama
