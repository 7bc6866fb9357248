// When a failed attempt is worth another, and after how long.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "protocol/chat.hpp"
#include "protocol/error.hpp"

namespace aiw {

// The wait before the next attempt; nothing: there is none. `failures` counts the attempts that failed so far (from 1);
// `random` is in [0, 1). A server's own delay is honoured up to 120 s; a longer one is the parent's to decide on.
// Backoff as in the official SDKs: min(0.5 s * 2^n, 8 s), shortened by up to a quarter.
std::optional<std::chrono::milliseconds> retry_delay(const Error& error, int failures, const RetryOptions& options,
                                                     double random);

// Keeps retries from multiplying an outage: at any time at most a fifth of the chats to one host, but three anyway, may
// be on a retry.
class RetryBudget {
 public:
  void chat_began(const std::string& host) { ++hosts_[host].chats; }
  void chat_ended(const std::string& host);
  // Claims a place; the caller gives it back with release() when that attempt has ended.
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
