// The values of the anthropic-beta header that a request needs, as far as they are known.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "worker/providers/provider.hpp"

namespace aiw::anthropic_messages {

// For the tools' definitions, uploaded files and providerOptions. What is not known here a config names in its own
// header.
std::vector<std::string> needed_betas(const StepInput& input);

// Adds the values of a comma-separated list that `betas` does not hold yet.
void merge_betas(std::vector<std::string>& betas, std::string_view list);

}  // namespace aiw::anthropic_messages
