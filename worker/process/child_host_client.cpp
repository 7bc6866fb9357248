#include "worker/process/child_host_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <utility>

namespace aiw {
namespace {

constexpr unsigned kRead = static_cast<unsigned>(Readiness::read);
constexpr unsigned kWrite = static_cast<unsigned>(Readiness::write);
constexpr int kFarewellMs = 200;

}  // namespace

ChildHostClient::~ChildHostClient() {
  if (!host_) return;
  loop_.unwatch(host_->requests.get());
  host_->requests.reset();
  // Reap the host here. Otherwise it is left to a parent that may not reap.
  pollfd end{host_->pid_fd.get(), POLLIN, 0};
  poll(&end, 1, kFarewellMs);
  waitpid(host_->pid, nullptr, WNOHANG);
}

int ChildHostClient::start() {
  if (host_) return 0;
  auto host = start_child_host();
  if (!host) return host.error();
  host_ = *std::move(host);
  loop_.watch(host_->requests.get(), kRead, [this](unsigned) { ready(); });
  return 0;
}

int ChildHostClient::request(ChildRequest request) {
  if (host_ && ended()) lose();
  if (const int error = start(); error != 0) return error;
  unsent_.push_back(std::move(request));
  return unsent_.size() > 1 ? 0 : send_unsent();
}

// Returns true if the host has exited. The host never writes, so a readable socket means end of file.
bool ChildHostClient::ended() const {
  char none = 0;
  const auto count = recv(host_->requests.get(), &none, 1, MSG_DONTWAIT | MSG_PEEK);
  return count == 0 || (count < 0 && errno == ECONNRESET);  // reset: the host exited with unread requests
}

void ChildHostClient::ready() { ended() ? lose() : static_cast<void>(send_unsent()); }

int ChildHostClient::send_unsent() {
  while (!unsent_.empty()) {
    const int error = send_child_request(host_->requests.get(), unsent_.front());
    if (error == EAGAIN) {
      loop_.watch(host_->requests.get(), kRead | kWrite, [this](unsigned) { ready(); });
      return 0;
    }
    unsent_.pop_front();
    if (error != 0) return error;
  }
  loop_.watch(host_->requests.get(), kRead, [this](unsigned) { ready(); });
  return 0;
}

// Does not block: the host keeps its socket open until it exits.
void ChildHostClient::lose() {
  loop_.unwatch(host_->requests.get());
  while (waitpid(host_->pid, nullptr, 0) < 0 && errno == EINTR) continue;
  host_.reset();
  unsent_.clear();
}

}  // namespace aiw
