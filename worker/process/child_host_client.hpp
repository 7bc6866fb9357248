// The worker's side of the child host. Starts a host when needed and sends it requests, in order.
#pragma once

#include <deque>
#include <optional>

#include "worker/io/loop.hpp"
#include "worker/process/child_host.hpp"
#include "worker/process/child_request.hpp"

namespace aiw {

class ChildHostClient {
 public:
  explicit ChildHostClient(Loop& loop) : loop_(loop) {}
  ChildHostClient(const ChildHostClient&) = delete;
  ChildHostClient& operator=(const ChildHostClient&) = delete;
  // The host exits when its children are gone. Waits briefly for that.
  ~ChildHostClient();

  // Starts the host if there is none. Returns 0 or an errno.
  int start();
  // Sends a request, and starts a host if there is none. If the host exits before it has the request, the control
  // socket is closed. Returns 0 or an errno.
  int request(ChildRequest request);
  // Drops requests that the host has not received. Their control sockets are closed.
  void drop_unsent() { unsent_.clear(); }

 private:
  [[nodiscard]] bool ended() const;
  void ready();
  int send_unsent();
  void lose();

  Loop& loop_;
  std::optional<StartedChildHost> host_;
  std::deque<ChildRequest> unsent_;
};

}  // namespace aiw
