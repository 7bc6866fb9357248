// The worker's side of its child host: starts one when it is needed and hands it requests, in order.
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
  // The host ends when its children have: waits a moment for that.
  ~ChildHostClient();

  // 0, or why there is none: an errno.
  int start();
  // Starts a host if there is none. If the host ends before it has the request, the control socket ends. Returns 0 or
  // an errno.
  int request(ChildRequest request);
  // Those that the host has not taken: their control sockets end.
  void forget_unsent() { unsent_.clear(); }

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
