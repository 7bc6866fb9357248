// Builder and decoder that AI Studio and Vertex AI share.
#pragma once

#include <expected>
#include <string>

#include "worker/providers/provider.hpp"

namespace aiw::google {

// Builds the request of a step; `model_url` is the URL of the model's resource.
std::expected<BuiltRequest, Error> build_request_of(std::string model_url, const StepInput& input);

std::unique_ptr<ResponseDecoder> make_decoder(BodyFormat format);

}  // namespace aiw::google
