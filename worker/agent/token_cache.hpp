// Access tokens made from credentials: fetched once for all chats that need one, and kept in memory until they expire.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/agent/key_policy.hpp"
#include "worker/base/clock.hpp"
#include "worker/base/http_client.hpp"
#include "worker/providers/google/service_account.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// Returns true if the target's key must be fetched with its credentials.
bool needs_token(const Target& target);

// All calls on the loop thread.
class TokenCache {
 public:
  // Access token, or the error: category auth, or the error of the network or the token server. Never contains a key.
  using Result = std::expected<std::string, Error>;
  using Callback = std::function<void(Result)>;
  // Place in the queue for a token. Destroying it leaves the queue.
  class Wait {
   public:
    Wait(TokenCache& cache, std::string key, std::shared_ptr<const Callback> callback)
        : cache_(cache), key_(std::move(key)), callback_(std::move(callback)) {}
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    ~Wait();

   private:
    TokenCache& cache_;
    const std::string key_;
    std::shared_ptr<const Callback> callback_;
  };

  // `allowed_hosts` may be asked for tokens, besides Google and this machine. Clock and client must outlive the cache.
  TokenCache(Clock& clock, HttpClient& http, AllowedHosts allowed_hosts);
  ~TokenCache();
  TokenCache(const TokenCache&) = delete;
  TokenCache& operator=(const TokenCache&) = delete;

  // Returns a token that stays valid for a while; nullopt if the caller must wait() for one.
  [[nodiscard]] std::optional<std::string> find(std::string_view credentials) const;
  // `done` is called once, never within this call, and may destroy the wait. Error: the credentials cannot be used.
  std::expected<std::unique_ptr<Wait>, Error> wait(std::string_view credentials, Callback done);
  // Drops a token that a provider refused.
  void forget(std::string_view credentials);

 private:
  class Fetch;
  struct Entry {
    std::string token;
    std::optional<LiveSecret> secret;  // hides the last token in errors that may still repeat it
    Instant usable_until{};
    std::unique_ptr<Fetch> fetch;
    std::vector<std::weak_ptr<const Callback>> waits;
  };

  [[nodiscard]] std::optional<Error> refusal(std::string_view token_uri) const;
  void concluded(const std::string& key, std::expected<google::AccessToken, Error> result);
  void abandoned(const std::string& key);
  void make_room();

  Clock& clock_;
  HttpClient& http_;
  const AllowedHosts allowed_hosts_;
  std::map<std::string, Entry, std::less<>> entries_;  // by the digest of the credentials
};

}  // namespace aiw
