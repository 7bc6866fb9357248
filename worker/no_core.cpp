#include "worker/no_core.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace aiw {

void forbid_core_files() {
#ifndef AIW_SANITIZED  // the leak check looks into the process as a debugger does
  const rlimit none{};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
#endif
}

}  // namespace aiw
