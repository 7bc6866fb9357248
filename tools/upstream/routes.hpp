// Which answer the upstream program gives to which path.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "tools/support/upstream_server.hpp"

namespace aiw::tools {

struct Routes {
  std::map<std::string, Script, std::less<>> cases;  // recorded answers by id
  Cut cut;
  std::chrono::milliseconds delay{0};  // between pieces
  bool demo = false;                   // answers the usual paths of both chat APIs by a canned text

  //   /case/ID/...                                a recorded answer
  //   /synthetic/API/[NAME=VALUE/...]...          a synthetic stream; names: chunks, bytes, rate (also as query)
  //   /fail/KIND/...                              a failure: see fail_kinds(), or a status code
  // What follows is the path that a client appends to its base URL; it does not matter.
  [[nodiscard]] Script answer(const Request& request) const;
};

// A table of kinds and what each does, for --help.
std::string fail_kinds();

// The canned answer of the demo, for either API, streamed or not as the request's body asks.
Script demo_answer(const Request& request);

}  // namespace aiw::tools
