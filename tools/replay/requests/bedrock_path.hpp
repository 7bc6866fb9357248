// Paths of the Amazon Bedrock runtime: /model/{model}/{operation}.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace aiw::tools {

// Returns the model id. AWS SDKs write its ':' as %3A, other clients as ':'; both name the same model.
inline std::string bedrock_model(std::string_view path) {
  constexpr std::string_view kStart = "/model/";
  if (!path.starts_with(kStart)) throw std::runtime_error("no path of Bedrock's");
  path.remove_prefix(kStart.size());
  path = path.substr(0, path.find('/'));
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      out += path[i];
      continue;
    }
    out += static_cast<char>(std::strtol(std::string(path.substr(i + 1, 2)).c_str(), nullptr, 16));
    i += 2;
  }
  return out;
}

// Returns the path with every %3A replaced by ':'.
inline std::string plain_bedrock_path(std::string path) {
  constexpr std::string_view kColon = "%3A";
  for (std::size_t at = path.find(kColon); at != std::string::npos; at = path.find(kColon, at)) {
    path.replace(at, kColon.size(), ":");
  }
  return path;
}

}  // namespace aiw::tools
