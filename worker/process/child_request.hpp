// Messages between the worker and its child host: requests to start a child, and notices about the child.
#pragma once

#include <array>
#include <chrono>
#include <expected>

#include "worker/base/child_process.hpp"
#include "worker/base/own_fd.hpp"

namespace aiw {

struct ChildEnding {
  std::chrono::milliseconds after_stdin{2'000};  // time from closing the child's stdin to SIGTERM
  std::chrono::milliseconds after_sigterm{2'000};
  std::chrono::milliseconds at_exit{500};  // replaces both times when the worker shuts down or has exited
};

// A request as sent. The command is in a memory file, so that long or many commands do not fill the socket.
struct ChildRequest {
  ChildEnding ending;
  UniqueFd command;
  UniqueFd control;                 // host's end of the child's control socket (SOCK_SEQPACKET)
  std::array<UniqueFd, 3> streams;  // the child's ends of its stdin, stdout and stderr
};

// Control socket of a child. The worker sends kEndChild, or shuts down its writing side to terminate the child with the
// `at_exit` times. The host sends a ChildNotice, and closes the socket when all processes that the child started are
// gone.
inline constexpr char kEndChild = 'e';
struct ChildNotice {
  enum class Kind : int { not_started, ended };
  Kind kind = Kind::ended;
  int value = 0;  // not_started: an errno; ended: a status as of waitpid()
};

// Write and read a command. Errors are errnos; E2BIG if the command is too large for any kernel.
std::expected<UniqueFd, int> write_child_command(const ChildCommand& command);
std::expected<ChildCommand, int> read_child_command(int fd);

// Does nothing if the worker has gone.
void send_child_notice(int control, const ChildNotice& notice);

// Never blocks. Returns EAGAIN if the socket is full. The caller still owns the descriptors that were sent.
int send_child_request(int socket, const ChildRequest& request);
// Blocks. Errors: EPIPE at the end of the socket, EBADMSG for an invalid request.
std::expected<ChildRequest, int> receive_child_request(int socket);

}  // namespace aiw
