#include "worker/process/sandbox.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace aiw {

namespace {

// Needed if the process is root's: capabilities allow changes of addresses, routes and firewall rules over sockets that
// the filter must allow.
void drop_capabilities() {
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  std::array<__user_cap_data_struct, 2> none{};
  syscall(SYS_capset, &header, none.data());
}

}  // namespace

std::string enter_sandbox(const std::vector<std::string>& readable) {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
  // Required by Landlock and seccomp for a process that is not root's.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "all of it: privileges cannot be given up";
  drop_capabilities();
  const std::string files = restrict_files(readable);
  const std::string calls = restrict_system_calls();
  return files + (files.empty() || calls.empty() ? "" : "; ") + calls;
}

}  // namespace aiw
