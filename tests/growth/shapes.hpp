// Generated input of n events, parts, keys, names, levels or pieces, for everything that the worker reads and writes.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "tests/growth/scene.hpp"

namespace aiw::growth {

struct Shape {
  std::string name;  // "what/which"
  std::size_t n = 0;
  std::function<Scene(std::size_t n)> scene;
};

std::vector<Shape> all_shapes();

// Of shapes.cpp, responses.cpp and requests.cpp.
void add_response_shapes(std::vector<Shape>& shapes);
void add_request_shapes(std::vector<Shape>& shapes);
void add_tool_shapes(std::vector<Shape>& shapes);

// `make(i)` for i from 0 to n - 1, with `separator` between.
std::string repeat(std::size_t n, const std::function<std::string(std::size_t i)>& make,
                   const std::string& separator = "");
// "0012": a number of a fixed width, so that keys and ids are equally long.
std::string number(std::size_t i);

// A chat line to the provider p of this wire API; `more` are further members of its payload, each with a comma before.
// `messages`: an array; empty: one short message of the user.
std::string chat_line(const std::string& api, const std::string& more = "", const std::string& messages = "");

}  // namespace aiw::growth
