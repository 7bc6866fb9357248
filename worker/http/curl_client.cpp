#include "worker/http/curl_client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <limits>
#include <list>
#include <new>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "worker/http/curl_error.hpp"
#include "worker/http/curl_exchange.hpp"
#include "worker/http/libcurl.hpp"
#include "worker/http/name_resolver.hpp"

namespace aiw {
namespace {

constexpr std::size_t kMaxIdleConnections = 512;
constexpr std::size_t kMaxDomainLookups = 8;

constexpr auto kRead = static_cast<unsigned>(Readiness::read);
constexpr auto kWrite = static_cast<unsigned>(Readiness::write);

class CurlClient;

class CurlTransfer : public HttpTransfer {
 public:
  CurlTransfer(CurlClient& client, std::unique_ptr<CurlExchange> exchange)
      : client_(client), exchange_(std::move(exchange)) {}
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;
  ~CurlTransfer() override;
  void set_paused(bool paused) override;
  void give_way() override;

 private:
  CurlClient& client_;
  std::unique_ptr<CurlExchange> exchange_;
};

// Runs curl's multi handle on the loop. Curl must not be re-entered from its callbacks. Requests of handlers to start,
// destroy or resume wait until the current curl call has returned.
class CurlClient : public HttpClient {
 public:
  CurlClient(Loop& loop, const CurlClientOptions& options)
      : loop_(loop),
        options_(options),
        resolver_(loop, {.max_lookups = options.max_lookups,
                         .max_for_domain = std::clamp<std::size_t>(options.max_lookups / 4, 1, kMaxDomainLookups)}) {}
  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;
  ~CurlClient() override;

  std::unique_ptr<HttpTransfer> start(HttpRequest request, const HttpLimits& limits, HttpHandler& handler) override;
  void abandon(std::unique_ptr<CurlExchange> exchange);
  void set_paused(CurlExchange& exchange, bool paused);
  void give_way(CurlExchange& exchange);

 private:
  // An exchange that curl does not have now, because it waits for a connection or for a name.
  struct Waiting {
    CurlExchange* exchange;
    Instant deadline;
    std::unique_ptr<Timer> timeout;
  };
  struct Naming {
    Waiting waiting;
    std::unique_ptr<NameResolver::Wait> name;
  };
  // An exchange that curl has: the deadline of its connect timeout, and the kind of its connection. `spare`: connection
  // of an exchange that may be closed for others (give_way).
  enum class Place { own, shared, spare };
  struct Connected {
    Instant deadline;
    Place place;
  };
  using Running = std::unordered_map<const CurlExchange*, Connected>;

  bool initialise();
  Waiting limited(CurlExchange& exchange, Instant deadline);
  void enqueue(CurlExchange& exchange, Instant deadline);
  [[nodiscard]] bool has_own_connection(const CurlExchange& exchange) const;
  [[nodiscard]] bool may_begin(const CurlExchange& exchange) const;
  void start_waiting();
  void begin(CurlExchange& exchange, Instant deadline);
  void look_up(CurlExchange& exchange, const std::string& name, Instant deadline);
  void looked_up(CurlExchange& exchange, const LookupResult& result);
  void begin_anew(CurlExchange& exchange, Instant deadline);
  void remove(CurlExchange& exchange);
  void leave_place(const CurlExchange& exchange, Connected& connected);
  bool end_one_that_gives_way();
  void resume_later();
  void end_soon(CurlExchange& exchange, CURLcode result);
  void resume_some();
  template <typename Call>
  void enter(Call call);
  static void rethrow();
  void settle();
  void report_results();
  void report_later();
  void on_socket(int fd, unsigned ready);

  static int watch_socket(CURL*, curl_socket_t fd, int what, void* self, void*) noexcept;
  static int set_timer(CURLM*, long timeout_ms, void* self) noexcept;

  Loop& loop_;
  const CurlClientOptions options_;
  CURLM* multi_ = nullptr;
  CURLSH* share_ = nullptr;
  bool in_curl_ = false;
  CurlConnections connections_;
  std::unique_ptr<Timer> timer_;
  std::unique_ptr<Timer> resume_timer_;
  std::unique_ptr<Timer> ends_later_;
  std::uint64_t long_end_turn_ = std::numeric_limits<std::uint64_t>::max();
  CurlTurn turn_;
  std::uint64_t turn_number_ = 0;
  Running running_;
  std::size_t shared_ = 0;                               // running exchanges without an own connection
  std::unordered_set<const MemoryAccount*> have_own_{};  // accounts that have one exchange with an own connection
  std::deque<CurlExchange*> giving_way_;
  std::list<Waiting> waiting_;      // exchanges that wait for a connection
  bool may_start_waiting_ = false;  // a waiting exchange may be able to start
  NameResolver resolver_;
  std::unordered_map<const CurlExchange*, Naming> naming_;
  // Exchanges that the client itself ended. Reported from the loop, because start() must not call the handler.
  std::vector<std::pair<CurlExchange*, std::unique_ptr<Timer>>> ending_;
  std::vector<std::unique_ptr<CurlExchange>> abandoned_;
};

CurlTransfer::~CurlTransfer() { client_.abandon(std::move(exchange_)); }

void CurlTransfer::set_paused(bool paused) { client_.set_paused(*exchange_, paused); }

void CurlTransfer::give_way() { client_.give_way(*exchange_); }

CurlClient::~CurlClient() {
  in_curl_ = true;
  if (multi_ != nullptr) curl_multi_cleanup(multi_);
  if (share_ != nullptr) curl_share_cleanup(share_);
}

bool CurlClient::initialise() {
  if (multi_ != nullptr) return true;
  if (!load_libcurl()) return false;
  if (share_ == nullptr) share_ = curl_share_init();
  if (share_ != nullptr) multi_ = curl_multi_init();
  if (multi_ == nullptr) return false;
  curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);  // no lock functions: one thread only
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &watch_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &set_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  // Limit when a connection becomes idle. For a new connection, curl closes the one that has been idle longest.
  const auto kept = std::clamp<std::size_t>(options_.max_connections / 4, 8, kMaxIdleConnections);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(kept));
  curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(options_.max_connections));
  return true;
}

std::unique_ptr<HttpTransfer> CurlClient::start(HttpRequest request, const HttpLimits& limits, HttpHandler& handler) {
  auto exchange = std::make_unique<CurlExchange>(std::move(request), limits, handler, options_);
  const auto result = initialise() ? exchange->open(share_, connections_, turn_) : CURLE_FAILED_INIT;
  if (result == CURLE_OK) {
    const auto timeout = limits.connect_timeout;
    enqueue(*exchange, timeout.count() > 0 ? loop_.now() + timeout : Instant::max());
  } else {
    end_soon(*exchange, result);
  }
  return std::make_unique<CurlTransfer>(*this, std::move(exchange));
}

CurlClient::Waiting CurlClient::limited(CurlExchange& exchange, Instant deadline) {
  auto timer = loop_.call_at(deadline, [this, &exchange] {
    const bool for_connection = !naming_.contains(&exchange);
    remove(exchange);
    if (for_connection) return exchange.finish_without("no connection was free within the connect timeout");
    exchange.finish(CURLE_OPERATION_TIMEDOUT);
  });
  return {&exchange, deadline, std::move(timer)};
}

void CurlClient::enqueue(CurlExchange& exchange, Instant deadline) {
  if (!in_curl_ && may_begin(exchange)) return begin(exchange, deadline);
  waiting_.push_back(limited(exchange, deadline));
  may_start_waiting_ = true;
  if (!in_curl_) start_waiting();
}

// An exchange without an account requests a token. At least one chat without an exchange of its own waits for it, so it
// counts as own.
bool CurlClient::has_own_connection(const CurlExchange& exchange) const {
  return exchange.limits().has_own_connection &&
         (exchange.account() == nullptr || !have_own_.contains(exchange.account()));
}

bool CurlClient::may_begin(const CurlExchange& exchange) const {
  return running_.size() < options_.max_connections &&
         (shared_ < options_.max_shared_connections || has_own_connection(exchange));
}

void CurlClient::start_waiting() {
  if (!std::exchange(may_start_waiting_, false)) return;
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    if (running_.size() >= options_.max_connections && !end_one_that_gives_way()) return;
    if (!may_begin(*next->exchange)) {
      ++next;
      continue;
    }
    const auto found = std::move(*next);
    next = waiting_.erase(next);
    begin(*found.exchange, found.deadline);
  }
}

void CurlClient::begin(CurlExchange& exchange, Instant deadline) {
  std::chrono::milliseconds left{0};
  if (deadline != Instant::max()) {
    left = std::max(std::chrono::ceil<std::chrono::milliseconds>(deadline - loop_.now()), std::chrono::milliseconds(1));
  }
  auto result = exchange.set_connect_timeout(left);
  if (result == CURLE_OK) {
    in_curl_ = true;  // curl sets the timer here but calls no handler
    if (curl_multi_add_handle(multi_, exchange.easy()) != CURLM_OK) result = CURLE_OUT_OF_MEMORY;
    in_curl_ = false;
  }
  if (result != CURLE_OK) return end_soon(exchange, result);
  const auto place = has_own_connection(exchange) ? Place::own : Place::shared;
  if (place == Place::shared) ++shared_;
  if (place == Place::own && exchange.account() != nullptr) have_own_.insert(exchange.account());
  running_.emplace(&exchange, Connected{deadline, place});
}

void CurlClient::leave_place(const CurlExchange& exchange, Connected& connected) {
  if (connected.place == Place::shared) --shared_;
  if (connected.place == Place::own) have_own_.erase(exchange.account());
  connected.place = Place::spare;
  may_start_waiting_ = true;
}

void CurlClient::give_way(CurlExchange& exchange) {
  const auto entry = running_.find(&exchange);
  if (entry == running_.end()) return;
  leave_place(exchange, entry->second);
  giving_way_.push_back(&exchange);
  if (!in_curl_) start_waiting();
}

bool CurlClient::end_one_that_gives_way() {
  if (giving_way_.empty()) return false;
  auto& exchange = *giving_way_.front();
  remove(exchange);
  end_soon(exchange, CURLE_ABORTED_BY_CALLBACK);
  return true;
}

// The exchange holds no connection during the look-up.
void CurlClient::look_up(CurlExchange& exchange, const std::string& name, Instant deadline) {
  auto wait = resolver_.resolve(name, [this, &exchange](const LookupResult& result) { looked_up(exchange, result); });
  naming_.emplace(&exchange, Naming{limited(exchange, deadline), std::move(wait)});
}

void CurlClient::looked_up(CurlExchange& exchange, const LookupResult& result) {
  const auto entry = naming_.extract(&exchange);
  if (result) {
    const auto set = exchange.set_addresses(*result);
    return set == CURLE_OK ? enqueue(exchange, entry.mapped().waiting.deadline) : end_soon(exchange, set);
  }
  if (result.error() == LookupFailure::no_address) return exchange.finish_unresolved();
  exchange.finish_without("no thread could be started to look up the name");
}

void CurlClient::begin_anew(CurlExchange& exchange, Instant deadline) {
  const auto set = exchange.demand_new_connection();
  set == CURLE_OK ? enqueue(exchange, deadline) : end_soon(exchange, set);
}

void CurlClient::end_soon(CurlExchange& exchange, CURLcode result) {
  ending_.emplace_back(&exchange, loop_.call_at(loop_.now(), [this, &exchange, result] {
    remove(exchange);
    exchange.finish(result);
    start_waiting();
  }));
}

// Removes the exchange from every list. A connection whose response is not complete is closed.
void CurlClient::remove(CurlExchange& exchange) {
  std::erase_if(waiting_, [&](const Waiting& entry) { return entry.exchange == &exchange; });
  std::erase_if(ending_, [&](const auto& entry) { return entry.first == &exchange; });
  std::erase(turn_.resuming, &exchange);
  naming_.erase(&exchange);
  std::erase(giving_way_, &exchange);
  auto entry = running_.extract(&exchange);
  if (entry.empty()) return;
  leave_place(exchange, entry.mapped());
  in_curl_ = true;
  curl_multi_remove_handle(multi_, exchange.easy());
  in_curl_ = false;
}

void CurlClient::abandon(std::unique_ptr<CurlExchange> exchange) {
  exchange->abandon();
  if (in_curl_) {
    abandoned_.push_back(std::move(exchange));
    return;
  }
  remove(*exchange);
  exchange.reset();
  start_waiting();
}

// Resuming delivers bytes that curl kept, so it must not run inside the caller.
void CurlClient::set_paused(CurlExchange& exchange, bool paused) {
  exchange.set_paused(paused);
  if (!exchange.wants_resume()) return;
  turn_.resuming.push_back(&exchange);
  resume_later();
}

void CurlClient::resume_later() {
  if (resume_timer_ != nullptr || turn_.resuming.empty()) return;
  resume_timer_ = loop_.call_at(loop_.now(), [this] { resume_some(); });
}

// Resumed exchanges get their own part of the turn. Otherwise exchanges with ready sockets would use up every turn.
void CurlClient::resume_some() {
  resume_timer_.reset();
  turn_.bytes_left = kTurnBytes;
  while (!turn_.resuming.empty() && turn_.bytes_left > 0) {
    auto& exchange = *turn_.resuming.front();
    turn_.resuming.pop_front();
    if (!exchange.wants_resume()) continue;  // paused again, or already resumed
    in_curl_ = true;
    const auto result = exchange.resume();
    in_curl_ = false;
    turn_.bytes_left -= std::min<std::size_t>(turn_.bytes_left, kCurlBufferSize);  // bytes read in the next turn
    rethrow();
    // If a handler rejects the kept bytes, curl only returns the error here and does not end the exchange.
    if (result != CURLE_OK) end_soon(exchange, result);
  }
  settle();
}

void CurlClient::rethrow() {
  if (auto thrown = take_thrown()) std::rethrow_exception(std::move(thrown));
}

template <typename Call>
void CurlClient::enter(Call call) {
  if (std::exchange(turn_number_, loop_.turn()) != loop_.turn()) turn_.bytes_left = kTurnBytes;
  in_curl_ = true;
  int running = 0;
  const CURLMcode result = call(running);
  in_curl_ = false;
  rethrow();
  // Curl does not report whose socket or timer was lost; that exchange would wait forever.
  if (result == CURLM_OUT_OF_MEMORY) throw std::bad_alloc();
  settle();
}

void CurlClient::settle() {
  while (!abandoned_.empty()) {
    const auto exchange = std::move(abandoned_.back());
    abandoned_.pop_back();
    remove(*exchange);
  }
  if (turn_.bytes_left == 0) loop_.cut_turn();
  resume_later();
  report_results();
  start_waiting();
}

// Reports completed exchanges. After one with a long body, the rest wait for the next turn, since its owner now
// processes that body.
void CurlClient::report_results() {
  if (loop_.turn() == long_end_turn_) return report_later();
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    auto& exchange = CurlExchange::of(message->easy_handle);
    const auto result = message->data.result;
    const Instant deadline = running_.at(&exchange).deadline;
    remove(exchange);
    const bool was_long = exchange.received_bytes() > kTurnBytes;
    if (const auto* name = exchange.wanted_name()) {
      look_up(exchange, *name, deadline);
    } else if (exchange.needs_new_connection()) {
      begin_anew(exchange, deadline);
    } else {
      exchange.finish(result);
    }
    if (!was_long) continue;
    loop_.cut_turn();
    long_end_turn_ = loop_.turn();
    return report_later();
  }
}

void CurlClient::report_later() {
  if (ends_later_ != nullptr) return;
  ends_later_ = loop_.call_at(loop_.now(), [this] {
    ends_later_.reset();
    settle();
  });
}

// Errors and hang-ups become visible when curl reads or writes.
void CurlClient::on_socket(int fd, unsigned ready) {
  int events = 0;
  if (ready & ~kWrite) events |= CURL_CSELECT_IN;
  if (ready & ~kRead) events |= CURL_CSELECT_OUT;
  enter([&](int& running) { return curl_multi_socket_action(multi_, fd, events, &running); });
}

int CurlClient::watch_socket(CURL*, curl_socket_t fd, int what, void* self, void*) noexcept {
  auto& client = *static_cast<CurlClient*>(self);
  if (what == CURL_POLL_REMOVE) {
    client.loop_.unwatch(fd);
    return 0;
  }
  unsigned wanted = 0;
  if (what & CURL_POLL_IN) wanted |= kRead;
  if (what & CURL_POLL_OUT) wanted |= kWrite;
  client.loop_.watch(fd, wanted, [&client, fd](unsigned ready) { client.on_socket(fd, ready); });
  return 0;
}

int CurlClient::set_timer(CURLM*, long timeout_ms, void* self) noexcept {
  auto& client = *static_cast<CurlClient*>(self);
  if (timeout_ms < 0) {
    client.timer_.reset();
    return 0;
  }
  client.timer_ = client.loop_.call_at(client.loop_.now() + std::chrono::milliseconds(timeout_ms), [&client] {
    client.enter(
        [&](int& running) { return curl_multi_socket_action(client.multi_, CURL_SOCKET_TIMEOUT, 0, &running); });
  });
  return 0;
}

}  // namespace

std::unique_ptr<HttpClient> make_curl_client(Loop& loop, const CurlClientOptions& options) {
  unsetenv("SSLKEYLOGFILE");  // OpenSSL's key log would allow anyone to decrypt
  return std::make_unique<CurlClient>(loop, options);
}

}  // namespace aiw
