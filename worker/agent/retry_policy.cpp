#include "worker/agent/retry_policy.hpp"

#include <algorithm>
#include <cmath>

namespace aiw {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestServerDelay{120'000};
constexpr double kFirstBackoffMs = 500;
constexpr double kLongestBackoffMs = 8'000;
constexpr int kMinRetriesPerHost = 3;

}  // namespace

std::optional<milliseconds> retry_delay(const Error& error, int failures, const RetryOptions& options, double random) {
  if (!error.retryable || failures > options.max) return std::nullopt;
  if (error.retry_after_ms && *error.retry_after_ms > 0) {
    const milliseconds wait(*error.retry_after_ms);
    if (wait > kLongestServerDelay) return std::nullopt;
    return wait;
  }
  const double backoff = std::min(kFirstBackoffMs * std::exp2(failures - 1), kLongestBackoffMs);
  return milliseconds(static_cast<std::int64_t>(backoff * (1 - 0.25 * random)));
}

void RetryBudget::chat_ended(const std::string& host) {
  const auto found = hosts_.find(host);
  if (found == hosts_.end()) return;
  if (--found->second.chats <= 0 && found->second.retries <= 0) hosts_.erase(found);
}

bool RetryBudget::claim(const std::string& host) {
  Host& entry = hosts_[host];
  if (entry.retries >= std::max(kMinRetriesPerHost, entry.chats / 5)) return false;
  ++entry.retries;
  return true;
}

void RetryBudget::release(const std::string& host) {
  const auto found = hosts_.find(host);
  if (found == hosts_.end()) return;
  --found->second.retries;
  if (found->second.chats <= 0 && found->second.retries <= 0) hosts_.erase(found);
}

}  // namespace aiw
