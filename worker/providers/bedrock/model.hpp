// Rules of the model families on Bedrock, by model id or ARN.
#pragma once

#include <string_view>

namespace aiw::bedrock {

enum class Family { unknown, claude, nova, mistral, cohere, gpt_oss, other };

// Returns `unknown` if the id names no vendor, as for application inference profiles and provisioned throughput.
Family family_of(std::string_view model);

// From the API reference (CachePointBlock, ToolChoice, ToolResultBlock) and the models' parameter pages.
struct ModelRules {
  bool cache_points = true;       // in system and messages
  bool tool_cache_points = true;  // in the list of tools
  bool forced_tools = true;       // toolChoice any, tool
  bool result_status = true;      // toolResult.status
  std::string_view top_k;         // name in additionalModelRequestFields; empty: none. Nova has an object for it
};

ModelRules model_rules(Family family);

}  // namespace aiw::bedrock
