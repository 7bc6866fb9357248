// Generated input with n events, parts, keys, names, levels or pieces, for everything that the worker reads and writes.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "tests/growth/scene.hpp"

namespace aiw::growth {

struct Shape {
  std::string name;  // "group/name"
  std::size_t n = 0;
  std::function<Scene(std::size_t n)> scene;
};

std::vector<Shape> all_shapes();

// Implemented in responses.cpp, requests.cpp and tools.cpp.
void add_response_shapes(std::vector<Shape>& shapes);
void add_request_shapes(std::vector<Shape>& shapes);
void add_tool_shapes(std::vector<Shape>& shapes);

// Returns `make(i)` for i from 0 to n - 1, joined by `separator`.
std::string repeat(std::size_t n, const std::function<std::string(std::size_t i)>& make,
                   const std::string& separator = "");
// Returns a number with a fixed width, such as "0012", so that all keys and ids have the same length.
std::string number(std::size_t i);

// Returns a chat line to provider p of this wire API. `more`: further payload members, each with a comma before it.
// `messages`: an array; empty: one short user message.
std::string chat_line(const std::string& api, const std::string& more = "", const std::string& messages = "");

}  // namespace aiw::growth
