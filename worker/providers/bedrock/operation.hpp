// What the requests of both Bedrock APIs have in common: the model in the path, the region, the key or the signature.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "protocol/error.hpp"
#include "worker/providers/provider.hpp"

namespace aiw::bedrock {

// The region that the target names, by its config or its host; empty: none.
std::string region_of(const Target& target);

// A POST to {base}/model/{model}/{operation}, with the bearer key if there is one; its body is still to be written.
std::expected<HttpRequest, Error> start_operation(std::string_view operation, const StepInput& input);

// Signs the finished request if the target signs. Error: there is no region, or no key.
std::expected<void, Error> authorise(HttpRequest& request, const StepInput& input);

}  // namespace aiw::bedrock
