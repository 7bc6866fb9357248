// The request that AI Studio and Vertex AI share, and their URLs.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/provider.hpp"

namespace aiw::google {

// The request of a step; `model_url` is the model's resource.
std::expected<BuiltRequest, Error> build_request_of(std::string model_url, const StepInput& input);

// The base URL with its version: the one that it ends in, else `version`.
std::string with_api_version(std::string_view base_url, std::string_view version);
// A model's name, or a path of names, for a URL.
std::string encode_path(std::string_view text);

// A page of the list of models under `key`. `read_model` gives one without an id to leave it out.
std::expected<ModelPage, Error> read_model_page(std::string_view body, std::string_view key,
                                                ModelInfo (*read_model)(const EventJson&, const JsonElement&));

}  // namespace aiw::google
