#include "worker/secrets/secret_file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "protocol/config.hpp"
#include "worker/base/own_fd.hpp"

namespace aiw {
namespace {

// Returns the relative path from `folder` to `path`; empty if the name of `path` is not below `folder`.
std::string_view way_from(std::string_view folder, std::string_view path) {
  if (folder.empty()) return {};
  while (folder.ends_with('/')) folder.remove_suffix(1);
  if (!path.starts_with(folder) || !path.substr(folder.size()).starts_with('/')) return {};
  path.remove_prefix(folder.size());
  while (path.starts_with('/')) path.remove_prefix(1);
  return path;
}

int open_beneath(int folder, const std::string& way) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  long fd = -1;
  do {  // EAGAIN: a concurrent rename kept the kernel from checking the path
    fd = syscall(SYS_openat2, folder, way.c_str(), &how, sizeof how);
  } while (fd < 0 && (errno == EAGAIN || errno == EINTR));
  return static_cast<int>(fd);
}

std::expected<std::string, SecretFileFault> read_all(int fd) {
  struct stat info{};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return std::unexpected(SecretFileFault::unreadable);
  std::string text(kMaxKeyBytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto count = read(fd, text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected(SecretFileFault::unreadable);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  if (size > kMaxKeyBytes) return std::unexpected(SecretFileFault::unreadable);
  text.resize(size);
  text.shrink_to_fit();  // a key is short, and is kept as long as a chat
  return text;
}

}  // namespace

std::expected<std::string, SecretFileFault> read_secret_file(const std::string& path,
                                                             const std::vector<std::string>& folders) {
  auto fault = SecretFileFault::not_allowed;
  if (path.find('\0') != std::string::npos) return std::unexpected(fault);
  for (const auto& name : folders) {
    const std::string way(way_from(name, path));
    if (way.empty()) continue;
    const UniqueFd folder(open(name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd file(folder.get() < 0 ? -1 : open_beneath(folder.get(), way));
    if (file.get() >= 0) return read_all(file.get());
    if (errno != EXDEV && errno != ELOOP) fault = SecretFileFault::unreadable;
  }
  return std::unexpected(fault);
}

}  // namespace aiw
