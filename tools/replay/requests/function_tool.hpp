// Converts a function declaration of Chat Completions, Cohere or Ollama to a tool of our protocol.
#pragma once

#include <nlohmann/json.hpp>

namespace aiw::tools {

inline nlohmann::json to_function_tool(const nlohmann::json& tool) {
  const nlohmann::json& function = tool.at("function");
  nlohmann::json out = {{"name", function.at("name")}, {"executor", "return"}};
  if (function.contains("description")) out["description"] = function["description"];
  if (function.contains("parameters")) out["inputSchema"] = function["parameters"];
  return out;
}

}  // namespace aiw::tools
