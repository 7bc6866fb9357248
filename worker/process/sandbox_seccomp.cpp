// libseccomp is loaded only when needed, like libcurl, so that a worker without a sandbox does not start slower.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>

#include "worker/process/sandbox.hpp"

namespace aiw {
namespace {

constexpr const char* kLibrary = "libseccomp.so.2";

struct Functions {
  decltype(&seccomp_init) init;
  decltype(&seccomp_attr_set) attr_set;
  decltype(&seccomp_syscall_resolve_name) resolve_name;
  decltype(&seccomp_rule_add_array) add;
  decltype(&seccomp_load) load;
  decltype(&seccomp_release) release;
};

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

bool load_functions(Functions& to) {
  void* const library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  return library != nullptr && find(library, "seccomp_init", to.init) &&
         find(library, "seccomp_attr_set", to.attr_set) &&
         find(library, "seccomp_syscall_resolve_name", to.resolve_name) &&
         find(library, "seccomp_rule_add_array", to.add) && find(library, "seccomp_load", to.load) &&
         find(library, "seccomp_release", to.release);
}

// System calls that are allowed with any arguments. The rules below limit how files are opened; Landlock limits which
// files.
constexpr const char* kCalls[] = {
    // descriptors
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "lseek", "close", "close_range", "dup", "dup2",
    "dup3", "pipe", "pipe2", "eventfd", "eventfd2", "memfd_create", "poll", "ppoll", "select", "pselect6",
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "timerfd_create",
    "timerfd_settime", "signalfd4", "pidfd_open", "fadvise64",
    // files; openat2 is left to Landlock, because a filter cannot see its flags
    "openat2", "stat", "lstat", "fstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink",
    "readlinkat", "getdents64", "getcwd", "statfs", "fstatfs",
    // sockets, without listening
    "connect", "getsockname", "getpeername", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg",
    "shutdown", "setsockopt", "getsockopt",
    // memory and threads
    "mmap", "munmap", "mprotect", "mremap", "madvise", "brk", "mlock", "mlock2", "munlock", "membarrier", "futex",
    "set_robust_list", "rseq", "set_tid_address", "gettid", "sched_yield", "sched_getaffinity", "getcpu", "exit",
    "exit_group", "restart_syscall",
    // signals
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "sigaltstack",
    // time, random numbers, process identity
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "times", "getrandom",
    "getpid", "getppid", "getpgrp", "getpgid", "getsid", "getuid", "geteuid", "getgid", "getegid", "getresuid",
    "getresgid", "getgroups", "getrusage", "getrlimit", "sysinfo", "uname", "wait4", "waitid"};

using Arguments = std::initializer_list<scmp_arg_cmp>;

constexpr scmp_arg_cmp equal(unsigned argument, std::uint64_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }
constexpr scmp_arg_cmp masked(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

class Filter {
 public:
  explicit Filter(const Functions& functions)
      : functions_(functions), context_(functions.init(SCMP_ACT_ERRNO(EPERM))), whole_(context_ != nullptr) {}
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;
  ~Filter() {
    if (context_ != nullptr) functions_.release(context_);
  }

  void allow(const char* name, Arguments arguments = {}) { add(SCMP_ACT_ALLOW, name, arguments); }
  void allow_values(const char* name, unsigned argument, std::initializer_list<std::uint64_t> values) {
    for (const auto value : values) allow(name, {equal(argument, value)});
  }
  // Makes a call fail with ENOSYS, as on a kernel that does not have it.
  void hide(const char* name) { add(SCMP_ACT_ERRNO(ENOSYS), name, {}); }
  // Loads the filter for all threads.
  bool load() {
    whole_ = whole_ && functions_.attr_set(context_, SCMP_FLTATR_CTL_TSYNC, 1) == 0;
    return whole_ && functions_.load(context_) == 0;
  }

 private:
  void add(std::uint32_t action, const char* name, Arguments arguments) {
    if (!whole_) return;
    const int number = functions_.resolve_name(name);
    if (number == __NR_SCMP_ERROR) return;  // call unknown to the library: stays forbidden
    const int error =
        functions_.add(context_, action, number, static_cast<unsigned>(arguments.size()), arguments.begin());
    whole_ = error == 0 || error == -EDOM;  // -EDOM: call of another architecture only
  }

  const Functions& functions_;
  const scmp_filter_ctx context_;
  bool whole_;
};

void allow_files(Filter& filter) {
  constexpr std::uint64_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
  filter.allow("open", {masked(1, kWriting, O_RDONLY)});
  filter.allow("openat", {masked(2, kWriting, O_RDONLY)});
  // Excludes TIOCSTI and similar calls, and signals through F_SETOWN.
  filter.allow_values("ioctl", 1, {FIONBIO, FIONREAD, TCGETS, TIOCGWINSZ, SIOCGIFNAME, SIOCGIFINDEX});
  filter.allow_values("fcntl", 1,
                      {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETPIPE_SZ, F_SETPIPE_SZ});
}

// Excludes AF_UNIX, because the machine's daemons (D-Bus, containers) listen on paths. glibc works without nscd.
void allow_sockets(Filter& filter) {
  constexpr std::uint64_t kType = 0xf;  // without SOCK_CLOEXEC and SOCK_NONBLOCK
  for (const auto family : {unsigned{AF_INET}, unsigned{AF_INET6}}) {
    for (const auto type : {unsigned{SOCK_STREAM}, unsigned{SOCK_DGRAM}}) {
      filter.allow("socket", {equal(0, family), masked(1, kType, type)});
    }
  }
  filter.allow("socket", {equal(0, AF_NETLINK), equal(2, 0)});  // NETLINK_ROUTE: getaddrinfo reads our addresses
  // getaddrinfo also binds that socket. An AF_INET address is longer, and the kernel requires its full length, so no
  // TCP or UDP port can be bound.
  static_assert(sizeof(sockaddr_nl) < sizeof(sockaddr_in) && sizeof(sockaddr_in) < sizeof(sockaddr_in6));
  filter.allow("bind", {equal(2, sizeof(sockaddr_nl))});
  for (const auto type : {unsigned{SOCK_STREAM}, unsigned{SOCK_SEQPACKET}}) {
    filter.allow("socketpair", {equal(0, AF_UNIX), masked(1, kType, type)});
  }
}

void allow_processes(Filter& filter) {
  filter.allow("clone", {masked(0, CLONE_THREAD, CLONE_THREAD)});
  filter.hide("clone3");  // its flags are in memory; glibc falls back to clone
  filter.allow("tgkill", {equal(0, static_cast<std::uint64_t>(getpid()))});  // for abort()
  filter.allow("prlimit64", {equal(0, 0), equal(2, 0)});                     // read our own limits only
  filter.allow_values("prctl", 0, {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_SET_VMA});
  filter.allow("prctl", {equal(0, PR_SET_DUMPABLE), equal(1, 0)});
}

}  // namespace

std::string restrict_system_calls() {
  Functions functions{};
  if (!load_functions(functions)) return "libseccomp is not there: system calls are not restricted";
  Filter filter(functions);
  for (const char* name : kCalls) filter.allow(name);
  allow_files(filter);
  allow_sockets(filter);
  allow_processes(filter);
  return filter.load() ? "" : "this kernel takes no seccomp filter: system calls are not restricted";
}

}  // namespace aiw
