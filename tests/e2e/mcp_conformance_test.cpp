// The MCP project's own client tests (@modelcontextprotocol/conformance), run against the real worker.
#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cstdio>
#include <string>

#include "tests/e2e/npm.hpp"
#include "tests/e2e/test_worker.hpp"

namespace aiw::e2e {
namespace {

struct Outcome {
  int code = -1;
  std::string output;
};

Outcome run_conformance(const std::string& modules, const std::string& what,
                        Milliseconds limit = Milliseconds(60'000)) {
  const std::string folder = AIW_BINARY_DIR "/conformance";
  const std::string command = "exec env AIW_WORKER='" + worker_binary() + "' '" + node_in(modules) + "' '" + modules +
                              "/.bin/conformance' client --timeout " + std::to_string(limit.count()) + " -o '" +
                              folder + "' --command '" + AIW_SOURCE_DIR "/tests/mcp/conformance_client' " + what +
                              " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Outcome outcome;
  char chunk[4096];
  while (const auto count = fread(chunk, 1, sizeof chunk, pipe)) outcome.output.append(chunk, count);
  const int status = pclose(pipe);
  if (WIFEXITED(status)) outcome.code = WEXITSTATUS(status);
  return outcome;
}

const std::string kExpectedFailures =
    "--expected-failures '" AIW_SOURCE_DIR "/tests/mcp/conformance-expected-failures.yml'";

TEST_CASE("mcp conformance: initialize, tools_call and sse-retry pass") {
  const auto modules = node_modules();
  if (!modules) return;
  for (const std::string scenario : {"initialize", "tools_call", "sse-retry"}) {
    CAPTURE(scenario);
    Outcome outcome = run_conformance(*modules, "--scenario " + scenario);
    // sse-retry checks a delay of half a second with a tolerance of one fifth. On a busy machine it gets a second try.
    if (scenario == "sse-retry" && outcome.code != 0) outcome = run_conformance(*modules, "--scenario " + scenario);
    CAPTURE(outcome.output);
    CHECK(outcome.code == 0);
    CHECK(outcome.output.find("OVERALL: PASSED") != std::string::npos);
  }
}

TEST_CASE("mcp conformance: exactly the known failures fail") {
  const auto modules = node_modules();
  if (!modules) return;
  for (const std::string what : {"--suite auth ", "--scenario elicitation-sep1034-client-defaults "}) {
    // One of the scenarios waits for a response that never comes.
    const Outcome outcome = run_conformance(*modules, what + kExpectedFailures, Milliseconds(10'000));
    CAPTURE(what);
    CAPTURE(outcome.output);
    CHECK(outcome.code == 0);
  }
}

}  // namespace
}  // namespace aiw::e2e
