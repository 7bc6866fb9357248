// Start and end of the requests of both Bedrock APIs: the model in the path, the region, the key or the signature.
#pragma once

#include <expected>
#include <string_view>
#include <vector>

#include "protocol/error.hpp"
#include "worker/providers/provider.hpp"

namespace aiw::bedrock {

// A POST to {base}/model/{model}/{operation}, with the bearer key if there is one; its body is still to be written.
std::expected<HttpRequest, Error> start_operation(std::string_view operation, const StepInput& input);

// The request with its body, signed if the target signs. Error: there is no region, or no key.
std::expected<BuiltRequest, Error> finish_operation(HttpRequest request, std::vector<ChatRequest::Note> notes,
                                                    const StepInput& input);

}  // namespace aiw::bedrock
