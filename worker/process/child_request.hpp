// What passes between the worker and its child host: requests to start a child, and what becomes of it.
#pragma once

#include <array>
#include <chrono>
#include <expected>

#include "worker/base/child_process.hpp"
#include "worker/base/own_fd.hpp"

namespace aiw {

struct ChildEnding {
  std::chrono::milliseconds after_stdin{2'000};  // from closing its stdin to SIGTERM
  std::chrono::milliseconds after_sigterm{2'000};
  std::chrono::milliseconds at_exit{500};  // both of them, when the worker ends or has ended
};

// A request as it travels. The command is in a memory file, so that neither a long one nor many wait in a socket.
struct ChildRequest {
  ChildEnding ending;
  OwnFd command;
  OwnFd control;                 // the host's end of a socket of packets, one for each child
  std::array<OwnFd, 3> streams;  // the child's ends
};

// On a child's control socket the worker says kEndChild, or ends its writing, which is the end at_exit; the host says
// what became of the child, and closes the socket when nothing that it started is left.
inline constexpr char kEndChild = 'e';
struct ChildNotice {
  enum class Kind : int { not_started, ended };
  Kind kind = Kind::ended;
  int value = 0;  // an errno; a status as waitpid() has it
};

// Errors are errnos; E2BIG if no kernel would start that.
std::expected<OwnFd, int> write_child_command(const ChildCommand& command);
std::expected<ChildCommand, int> read_child_command(int fd);

// Nothing happens if nobody is left to be told.
void send_child_notice(int control, const ChildNotice& notice);

// Never blocks; EAGAIN if the host is behind. What was sent stays the caller's to close.
int send_child_request(int socket, const ChildRequest& request);
// Blocks. EPIPE at the end, EBADMSG for what is no request.
std::expected<ChildRequest, int> receive_child_request(int socket);

}  // namespace aiw
