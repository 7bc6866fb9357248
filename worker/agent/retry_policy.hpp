// Decides if a failed attempt is retried, and after which delay.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "protocol/chat.hpp"
#include "protocol/error.hpp"

namespace aiw {

// Delay before the next attempt; nullopt: no retry. `failures` counts the failed attempts so far (from 1). `random` is
// in [0, 1). A delay that the server asks for is used up to 120 s; for a longer one the parent decides. Backoff as in
// the official SDKs: min(0.5 s * 2^n, 8 s) with n = failures - 1, shortened by up to a quarter.
std::optional<std::chrono::milliseconds> retry_delay(const Error& error, int failures, const RetryOptions& options,
                                                     double random);

// Limits retries so that they do not multiply an outage. For one host, retries may run for at most a fifth of its
// chats, but always for three.
class RetryBudget {
 public:
  void chat_began(const std::string& host) { ++hosts_[host].chats; }
  void chat_ended(const std::string& host);
  // Claims a retry slot; returns false if none is free. The caller must call release() when that attempt has ended.
  bool claim(const std::string& host);
  void release(const std::string& host);

 private:
  struct Host {
    int chats = 0;
    int retries = 0;
  };
  std::map<std::string, Host> hosts_;
};

}  // namespace aiw
