// Known values of the anthropic-beta header that a request needs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "worker/providers/provider.hpp"

namespace aiw::anthropic_messages {

// Returns the betas for tool definitions, uploaded files and providerOptions. A config sets unknown betas in its own
// header.
std::vector<std::string> needed_betas(const StepInput& input);

// Adds the values of a comma-separated list that are missing in `betas`.
void merge_betas(std::vector<std::string>& betas, std::string_view list);

}  // namespace aiw::anthropic_messages
