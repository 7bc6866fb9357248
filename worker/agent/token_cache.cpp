#include "worker/agent/token_cache.hpp"

#include <algorithm>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/base/crypto.hpp"
#include "worker/base/memory_account.hpp"
#include "worker/base/url.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/secrets/live_secret.hpp"

namespace aiw {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMaxEntries = 256;
constexpr std::size_t kMaxBody = 64 << 10;
constexpr seconds kTimeLimit{30};
// A token is not used in its last minute, because a request takes time to arrive.
constexpr seconds kMargin{60};
constexpr HttpLimits kLimits{.connect_timeout = seconds{10},
                             .total_timeout = kTimeLimit,
                             .max_body_bytes = kMaxBody,
                             .has_own_connection = true};  // a chat waits for this exchange

// Key of a cache entry: a digest, so that the credentials are not kept.
std::string key_of(std::string_view credentials) {
  const auto digest = sha256(credentials);
  return digest ? std::string(bytes_of(*digest)) : std::string();
}

std::chrono::sys_seconds wall_time() { return std::chrono::floor<seconds>(std::chrono::system_clock::now()); }

}  // namespace

bool needs_token(const Target& target) { return !target.credentials.empty() && target.api_key.empty(); }

TokenCache::Wait::~Wait() {
  callback_.reset();
  cache_.abandoned(key_);
}

std::string after_last(const std::string& text, char separator) { return text.substr(text.rfind(separator) + 1); }

// One exchange with a token server.
class TokenCache::Fetch : private HttpHandler {
 public:
  Fetch(TokenCache& cache, std::string key, HttpRequest request)
      : cache_(cache),
        key_(std::move(key)),
        assertion_(after_last(request.body.str(), '=')),
        url_(shown_url(request.url)) {
    timer_ = cache_.clock_.call_at(cache_.clock_.now() + kTimeLimit, [this] {
      cache_.concluded(key_, std::unexpected(Error{.code = error_code::timeout_token,
                                                   .category = Category::timeout,
                                                   .message = "the token server did not answer in time",
                                                   .retryable = true,
                                                   .url = url_}));
    });
    const MemoryScope scope(nullptr);  // shared by all chats that wait for it
    transfer_ = cache_.http_.start(std::move(request), kLimits, *this);
  }

 private:
  void on_head(const ResponseHead& head) override { head_ = head; }
  void on_body(std::string_view bytes) override { body_ += bytes; }
  // May destroy this object with its last call.
  void on_end(const Error* error) override {
    auto token = error != nullptr ? std::unexpected(*error) : google::read_access_token(head_, body_);
    if (!token) {
      token.error().url = url_;
      if (token.error().request_id.empty()) token.error().request_id = request_id(head_);
      // Must happen while assertion_ is registered as a secret.
      token.error() = without_live_secrets(std::move(token.error()));
    }
    cache_.concluded(key_, std::move(token));
  }

  TokenCache& cache_;
  const std::string key_;
  const LiveSecret assertion_;
  const std::string url_;
  ResponseHead head_;
  std::string body_;
  std::unique_ptr<Timer> timer_;
  std::unique_ptr<HttpTransfer> transfer_;
};

TokenCache::TokenCache(Clock& clock, HttpClient& http, AllowedHosts allowed_hosts)
    : clock_(clock), http_(http), allowed_hosts_(std::move(allowed_hosts)) {}

TokenCache::~TokenCache() = default;

std::optional<std::string> TokenCache::find(std::string_view credentials) const {
  const auto entry = entries_.find(key_of(credentials));
  if (entry == entries_.end() || entry->second.token.empty()) return std::nullopt;
  if (clock_.now() >= entry->second.usable_until) return std::nullopt;
  return entry->second.token;
}

std::expected<std::unique_ptr<TokenCache::Wait>, Error> TokenCache::wait(std::string_view credentials, Callback done) {
  const auto account = google::read_service_account(credentials);
  if (!account) return std::unexpected(account.error());
  if (auto error = refusal(account->token_uri)) return std::unexpected(*std::move(error));
  const std::string key = key_of(credentials);
  make_room();
  Entry& entry = entries_[key];
  if (!entry.fetch) {
    auto request = google::service_account_token_request(*account, wall_time());
    if (!request) return std::unexpected(std::move(request.error()));
    entry.fetch = std::make_unique<Fetch>(*this, key, *std::move(request));
  }
  auto callback = std::make_shared<const Callback>(std::move(done));
  entry.waits.emplace_back(callback);
  return std::make_unique<Wait>(*this, key, std::move(callback));
}

void TokenCache::forget(std::string_view credentials) {
  const auto entry = entries_.find(key_of(credentials));
  if (entry != entries_.end()) entry->second.token.clear();
}

// Rejects token servers that are not allowed. The config chooses the server, and a signed assertion for one server must
// not reach another.
std::optional<Error> TokenCache::refusal(std::string_view token_uri) const {
  constexpr std::string_view kGoogle = ".googleapis.com";
  const auto url = parse_base_url(token_uri);
  if (url) {
    if (url->https && url->host.ends_with(kGoogle)) return std::nullopt;
    const bool is_named = url->https && is_allowed_host(allowed_hosts_, *url);
    if (is_loopback(url->host) || is_named) return std::nullopt;
  }
  return Error{.code = error_code::host_not_allowed,
               .category = Category::auth,
               .message = "the credentials' token_uri is not at googleapis.com; see --allow-host"};
}

// Stores the token and calls everyone who still waits. The callbacks may change every member of this object.
void TokenCache::concluded(const std::string& key, std::expected<google::AccessToken, Error> result) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  const auto fetch = std::move(entry.fetch);  // the caller of this function; kept alive until it returns
  const auto waits = std::exchange(entry.waits, {});
  Result told = std::unexpected(Error{});
  if (result) {
    entry.token = result->token;
    entry.secret.emplace(result->token);
    entry.usable_until = clock_.now() + std::max(result->lifetime - kMargin, seconds{0});
    told = result->token;
  } else {
    told = std::unexpected(std::move(result.error()));
  }
  for (const auto& wait : waits) {
    if (const auto callback = wait.lock()) (*callback)(told);
  }
}

// Ends the exchange if nobody waits for it any more.
void TokenCache::abandoned(const std::string& key) {
  const auto entry = entries_.find(key);
  if (entry == entries_.end()) return;
  std::erase_if(entry->second.waits, [](const auto& wait) { return wait.expired(); });
  if (entry->second.waits.empty()) entry->second.fetch.reset();
}

void TokenCache::make_room() {
  if (entries_.size() < kMaxEntries) return;
  std::erase_if(entries_,
                [&](const auto& entry) { return !entry.second.fetch && entry.second.usable_until <= clock_.now(); });
  if (entries_.size() < kMaxEntries) return;
  std::erase_if(entries_, [](const auto& entry) { return !entry.second.fetch; });
}

}  // namespace aiw
