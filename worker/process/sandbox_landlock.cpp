#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>

#include "worker/base/own_fd.hpp"
#include "worker/process/sandbox.hpp"

namespace aiw {
namespace {

// Constants from landlock(7) and the kernel's include/uapi/linux/landlock.h. The C library's headers may be older than
// the kernel.
constexpr std::uint64_t kReadFile = 1 << 2;
constexpr std::uint64_t kReadFolder = 1 << 3;
constexpr std::uint64_t kBindTcp = 1 << 0;
constexpr std::uint64_t kAbstractSockets = 1 << 0;
constexpr std::uint64_t kSignals = 1 << 1;
constexpr std::uint32_t kVersionFlag = 1;
constexpr int kPathBeneath = 1;

struct RulesetAttributes {
  std::uint64_t files;
  std::uint64_t ports;   // since ABI 4
  std::uint64_t scopes;  // since ABI 6
};
struct [[gnu::packed]] PathBeneath {
  std::uint64_t allowed;
  std::int32_t folder;
};

// Returns all file rights that an ABI version knows. Each of them is denied unless a rule allows it.
std::uint64_t known_file_rights(long abi) {
  const int count = abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;
  return (std::uint64_t{1} << count) - 1;
}

// Readable paths for TLS, name look-ups, the library loader and the C library. Not all of /etc, which contains secrets.
constexpr const char* kReadable[] = {"/etc/resolv.conf",
                                     "/etc/hosts",
                                     "/etc/nsswitch.conf",
                                     "/etc/gai.conf",
                                     "/etc/host.conf",
                                     "/etc/services",
                                     "/etc/protocols",
                                     "/etc/localtime",
                                     "/etc/ld.so.cache",
                                     "/etc/ssl/certs",
                                     "/etc/ssl/cert.pem",
                                     "/etc/ssl/openssl.cnf",
                                     "/etc/ca-certificates",
                                     "/etc/crypto-policies",
                                     "/etc/pki/ca-trust",
                                     "/etc/pki/tls/certs",
                                     "/etc/pki/tls/cert.pem",
                                     "/etc/pki/tls/openssl.cnf",
                                     "/usr/share/ca-certificates",
                                     "/usr/local/share/ca-certificates",
                                     "/usr/share/zoneinfo",
                                     "/lib",
                                     "/lib64",
                                     "/usr/lib",
                                     "/usr/lib64",
                                     "/usr/local/lib",
                                     "/dev/null",
                                     "/dev/urandom",
                                     "/run/systemd/resolve",
                                     "/run/resolvconf"};

void allow_reading(int ruleset, const char* path) {
  const UniqueFd file(open(path, O_PATH | O_CLOEXEC));
  struct stat info{};
  if (!file.valid() || fstat(file.get(), &info) != 0) return;
  const PathBeneath rule{S_ISDIR(info.st_mode) ? kReadFile | kReadFolder : kReadFile, file.get()};
  syscall(SYS_landlock_add_rule, ruleset, kPathBeneath, &rule, 0);
}

std::string missing_of(long abi) {
  std::string out;
  if (abi < 3) out += " truncation of files,";
  if (abi < 4) out += " TCP servers,";
  if (abi < 6) out += " abstract sockets, signals,";
  if (out.empty()) return out;
  out.pop_back();
  return "this kernel's Landlock (version " + std::to_string(abi) + ") does not restrict:" + out;
}

// Landlock applies to the calling thread and to threads that it starts later.
bool has_threads() {
  std::error_code error;
  return std::distance(std::filesystem::directory_iterator("/proc/self/task", error), {}) > 1;
}

}  // namespace

std::string restrict_files(const std::vector<std::string>& readable) {
  const long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, kVersionFlag);
  if (abi < 1) return "this kernel has no Landlock: files are not restricted";
  const bool alone = !has_threads();
  const RulesetAttributes attributes{known_file_rights(abi), kBindTcp, kAbstractSockets | kSignals};
  const std::size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
  const UniqueFd ruleset(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset.valid()) return "Landlock refuses its rules: files are not restricted";
  for (const char* path : kReadable) allow_reading(ruleset.get(), path);
  for (const auto& path : readable) allow_reading(ruleset.get(), path.c_str());
  if (syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return "Landlock cannot be applied: files are not restricted";
  }
  return alone ? missing_of(abi) : "some threads ran before: files are not restricted for them";
}

}  // namespace aiw
