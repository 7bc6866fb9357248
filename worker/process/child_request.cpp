#include "worker/process/child_request.hpp"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace aiw {
namespace {

// Maximum size of a serialized command. The kernel accepts at most 6 MiB of arguments and environment (execve(2),
// "Limits on size").
constexpr std::size_t kMaxCommandBytes = 8 << 20;
constexpr std::size_t kDescriptors = 5;

struct Header {
  std::int64_t after_stdin_ms = 0;
  std::int64_t after_sigterm_ms = 0;
  std::int64_t at_exit_ms = 0;
};

// Serializes as: file NUL cwd NUL count NUL arguments... then names and values, each followed by NUL.
std::string to_text(const ChildCommand& command) {
  std::string text;
  const auto add = [&text](std::string_view item) {
    text += item;
    text += '\0';
  };
  add(command.file);
  add(command.cwd);
  add(std::to_string(command.args.size()));
  for (const auto& argument : command.args) add(argument);
  for (const auto& [name, value] : command.env) {
    add(name);
    add(value);
  }
  return text;
}

std::expected<ChildCommand, int> from_text(std::string_view text) {
  bool whole = true;
  const auto next = [&]() -> std::string {
    const auto end = text.find('\0');
    if (end == std::string_view::npos) {
      whole = false;
      return {};
    }
    std::string item(text.substr(0, end));
    text.remove_prefix(end + 1);
    return item;
  };
  ChildCommand command;
  command.file = next();
  command.cwd = next();
  const auto count = std::strtoull(next().c_str(), nullptr, 10);
  for (std::uint64_t i = 0; i < count && whole; ++i) command.args.push_back(next());
  while (whole && !text.empty()) {
    std::string name = next();
    command.env.emplace_back(std::move(name), next());
  }
  if (!whole) return std::unexpected(EBADMSG);
  return command;
}

template <typename Call>
ssize_t retried(Call call) {
  ssize_t result = 0;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

// Socket message with one header and kDescriptors descriptors.
struct Message {
  Message() {
    head.msg_iov = &part;
    head.msg_iovlen = 1;
    head.msg_control = control.data();
    head.msg_controllen = control.size();
  }

  Header header;
  iovec part{&header, sizeof header};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kDescriptors * sizeof(int))> control{};
  msghdr head{};
};

// Takes all descriptors of a message, even of an invalid one, so that none leaks.
std::vector<UniqueFd> take_descriptors(msghdr& head) {
  std::vector<UniqueFd> out;
  for (cmsghdr* part = CMSG_FIRSTHDR(&head); part != nullptr; part = CMSG_NXTHDR(&head, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    std::array<int, kDescriptors> fds{};
    const auto count = std::min((part->cmsg_len - CMSG_LEN(0)) / sizeof(int), fds.size());
    std::memcpy(fds.data(), CMSG_DATA(part), count * sizeof(int));
    for (std::size_t i = 0; i < count; ++i) out.emplace_back(fds[i]);
  }
  return out;
}

}  // namespace

std::expected<UniqueFd, int> write_child_command(const ChildCommand& command) {
  const std::string text = to_text(command);
  if (text.size() > kMaxCommandBytes) return std::unexpected(E2BIG);
  UniqueFd file(memfd_create("ai-worker-command", MFD_CLOEXEC));
  if (!file.valid()) return std::unexpected(errno);
  for (std::size_t done = 0; done < text.size();) {
    const auto count = retried([&] { return write(file.get(), text.data() + done, text.size() - done); });
    if (count <= 0) return std::unexpected(count < 0 ? errno : ENOSPC);
    done += static_cast<std::size_t>(count);
  }
  return file;
}

std::expected<ChildCommand, int> read_child_command(int fd) {
  struct stat info{};
  if (fstat(fd, &info) != 0) return std::unexpected(errno);
  if (info.st_size < 0 || static_cast<std::size_t>(info.st_size) > kMaxCommandBytes) return std::unexpected(E2BIG);
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  for (std::size_t done = 0; done < text.size();) {
    const auto count =
        retried([&] { return pread(fd, text.data() + done, text.size() - done, static_cast<off_t>(done)); });
    if (count <= 0) return std::unexpected(count < 0 ? errno : EBADMSG);
    done += static_cast<std::size_t>(count);
  }
  return from_text(text);
}

void send_child_notice(int control, const ChildNotice& notice) {
  send(control, &notice, sizeof notice, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int send_child_request(int socket, const ChildRequest& request) {
  Message message;
  message.header = {request.ending.after_stdin.count(), request.ending.after_sigterm.count(),
                    request.ending.at_exit.count()};
  const std::array<int, kDescriptors> fds = {request.command.get(), request.control.get(), request.streams[0].get(),
                                             request.streams[1].get(), request.streams[2].get()};
  cmsghdr* const part = CMSG_FIRSTHDR(&message.head);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof fds);
  std::memcpy(CMSG_DATA(part), fds.data(), sizeof fds);
  const auto sent = retried([&] { return sendmsg(socket, &message.head, MSG_DONTWAIT | MSG_NOSIGNAL); });
  return sent < 0 ? errno : 0;
}

std::expected<ChildRequest, int> receive_child_request(int socket) {
  Message message;
  const auto got = retried([&] { return recvmsg(socket, &message.head, MSG_CMSG_CLOEXEC); });
  if (got <= 0) return std::unexpected(got < 0 ? errno : EPIPE);
  auto fds = take_descriptors(message.head);
  if (got != sizeof(Header) || fds.size() != kDescriptors || (message.head.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return std::unexpected(EBADMSG);
  }
  const auto ms = [](std::int64_t count) {
    return std::chrono::milliseconds(std::clamp<std::int64_t>(count, 0, 60'000));
  };
  ChildRequest request;
  request.ending = {ms(message.header.after_stdin_ms), ms(message.header.after_sigterm_ms),
                    ms(message.header.at_exit_ms)};
  request.command = std::move(fds[0]);
  request.control = std::move(fds[1]);
  for (std::size_t i = 0; i < request.streams.size(); ++i) request.streams[i] = std::move(fds[i + 2]);
  return request;
}

}  // namespace aiw
