// The test program is its own child host, as the worker is.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "worker/process/child_host.hpp"

int main(int argc, char** argv) {
  return aiw::is_child_host(argc, argv) ? aiw::run_child_host() : doctest::Context(argc, argv).run();
}
