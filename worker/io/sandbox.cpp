#include "worker/io/sandbox.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace aiw {

std::string enter_sandbox(const std::vector<std::string>& readable) {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
  // What both halves demand of a process that is not root's.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "all of it: privileges cannot be given up";
  const std::string files = restrict_files(readable);
  const std::string calls = restrict_system_calls();
  return files + (files.empty() || calls.empty() ? "" : "; ") + calls;
}

}  // namespace aiw
