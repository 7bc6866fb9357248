// Routes of the upstream program: maps a path to a response.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "tools/support/upstream_server.hpp"

namespace aiw::tools {

struct Routes {
  std::map<std::string, Script, std::less<>> cases;  // recorded responses by id
  Cut cut;
  std::chrono::milliseconds delay{0};  // delay between pieces
  bool demo = false;                   // serve a canned text on the usual paths of both chat APIs

  //   /case/ID/...                                a recorded response
  //   /synthetic/API/[NAME=VALUE/...]...          a synthetic stream; names: chunks, bytes, rate (also as query)
  //   /fail/KIND/...                              a failure: see fail_kinds(), or a status code
  // The rest of the path (...) is what a client appends to its base URL; it is ignored.
  [[nodiscard]] Script answer(const Request& request) const;
};

// Table of the failure kinds and their effects, for --help.
std::string fail_kinds();

// Canned response of the demo, for either API; streamed if the request body asks for it.
Script demo_answer(const Request& request);

}  // namespace aiw::tools
