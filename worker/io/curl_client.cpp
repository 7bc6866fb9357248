#include "worker/io/curl_client.hpp"

#include <curl/curl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <new>
#include <utility>
#include <vector>

#include "worker/io/curl_error.hpp"
#include "worker/io/curl_exchange.hpp"
#include "worker/io/libcurl.hpp"

namespace aiw {
namespace {

// A look-up takes a thread of its own in libcurl without c-ares.
constexpr std::size_t kMaxResolving = 32;
// A look-up that hangs is left behind with its thread, for as long as the resolver takes to give up.
constexpr std::size_t kMaxThreads = 128;
constexpr std::chrono::milliseconds kThreadsAgain{100};
constexpr std::size_t kMaxIdleConnections = 512;

constexpr auto kRead = static_cast<unsigned>(Readiness::read);
constexpr auto kWrite = static_cast<unsigned>(Readiness::write);

// Idle connections may take a quarter of the descriptors.
long connection_cache_size() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 64;
  return static_cast<long>(std::clamp<rlim_t>(limit.rlim_cur / 4, 8, kMaxIdleConnections));
}

// Of this process: each is a folder of /proc/self/task, which counts as a link (proc(5)).
std::size_t thread_count() {
  struct stat info{};
  return stat("/proc/self/task", &info) == 0 && info.st_nlink > 2 ? static_cast<std::size_t>(info.st_nlink) - 2 : 1;
}

class CurlClient;

class CurlTransfer : public HttpTransfer {
 public:
  CurlTransfer(CurlClient& client, std::unique_ptr<CurlExchange> exchange)
      : client_(client), exchange_(std::move(exchange)) {}
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;
  ~CurlTransfer() override;
  void set_paused(bool paused) override;

 private:
  CurlClient& client_;
  std::unique_ptr<CurlExchange> exchange_;
};

// Curl's multi handle on the loop. Curl must not be re-entered from its callbacks: what handlers ask for meanwhile
// (starting, destroying, resuming) waits until the call that is under way has returned.
class CurlClient : public HttpClient {
 public:
  CurlClient(Loop& loop, const CurlClientOptions& options) : loop_(loop), options_(options) {}
  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;
  ~CurlClient() override;

  std::unique_ptr<HttpTransfer> start(HttpRequest request, const HttpLimits& limits, HttpHandler& handler) override;
  void abandon(std::unique_ptr<CurlExchange> exchange);
  void set_paused(CurlExchange& exchange, bool paused);

 private:
  // An exchange that has no slot yet, and when its connect timeout ends.
  struct Waiting {
    CurlExchange* exchange;
    std::unique_ptr<Timer> timeout;
    Instant deadline;
  };

  bool initialise();
  void enqueue(CurlExchange& exchange);
  [[nodiscard]] bool may_resolve() const;
  void start_waiting();
  void begin(CurlExchange& exchange, Instant deadline);
  void remove(CurlExchange& exchange);
  void end_soon(CurlExchange& exchange, CURLcode result);
  void resume_all();
  template <typename Call>
  void enter(Call call);
  static void rethrow();
  void settle();
  void tell_results();
  void on_socket(int fd, unsigned ready);

  static int watch_socket(CURL*, curl_socket_t fd, int what, void* self, void*) noexcept;
  static int set_timer(CURLM*, long timeout_ms, void* self) noexcept;

  Loop& loop_;
  const CurlClientOptions options_;
  CURLM* multi_ = nullptr;
  CURLSH* share_ = nullptr;
  bool in_curl_ = false;
  std::size_t resolving_ = 0;
  CurlConnections connections_;
  std::unique_ptr<Timer> timer_;
  std::unique_ptr<Timer> resume_timer_;
  std::unique_ptr<Timer> waiting_timer_;
  std::deque<Waiting> waiting_;
  std::vector<CurlExchange*> resuming_;
  // Ended by the client itself; told from the loop, since start() must not call the handler.
  std::vector<std::pair<CurlExchange*, std::unique_ptr<Timer>>> ending_;
  std::vector<std::unique_ptr<CurlExchange>> abandoned_;
};

CurlTransfer::~CurlTransfer() { client_.abandon(std::move(exchange_)); }

void CurlTransfer::set_paused(bool paused) { client_.set_paused(*exchange_, paused); }

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
  curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);  // one thread: no lock
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &watch_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &set_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, connection_cache_size());
  curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(options_.max_host_connections));
  return true;
}

std::unique_ptr<HttpTransfer> CurlClient::start(HttpRequest request, const HttpLimits& limits, HttpHandler& handler) {
  auto exchange = std::make_unique<CurlExchange>(std::move(request), limits, handler, options_);
  if (initialise()) {
    enqueue(*exchange);
  } else {
    end_soon(*exchange, CURLE_FAILED_INIT);
  }
  return std::make_unique<CurlTransfer>(*this, std::move(exchange));
}

void CurlClient::enqueue(CurlExchange& exchange) {
  const auto timeout = exchange.limits().connect_timeout;
  const auto deadline = timeout.count() > 0 ? loop_.now() + timeout : Instant::max();
  if (!in_curl_ && waiting_.empty() && may_resolve()) return begin(exchange, deadline);
  auto timer = loop_.call_at(deadline, [this, &exchange] {
    remove(exchange);
    exchange.finish(CURLE_OPERATION_TIMEDOUT);
  });
  waiting_.push_back({&exchange, std::move(timer), deadline});
  if (!in_curl_) start_waiting();
}

bool CurlClient::may_resolve() const { return resolving_ < kMaxResolving && thread_count() < kMaxThreads; }

void CurlClient::start_waiting() {
  while (!waiting_.empty() && may_resolve()) {
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    begin(*next.exchange, next.deadline);
  }
  // Nobody tells when a thread ends.
  waiting_timer_.reset();
  if (waiting_.empty() || resolving_ >= kMaxResolving) return;
  waiting_timer_ = loop_.call_at(loop_.now() + kThreadsAgain, [this] { start_waiting(); });
}

void CurlClient::begin(CurlExchange& exchange, Instant deadline) {
  std::chrono::milliseconds left{0};
  if (deadline != Instant::max()) {
    left = std::max(std::chrono::ceil<std::chrono::milliseconds>(deadline - loop_.now()), std::chrono::milliseconds(1));
  }
  auto result = exchange.open(share_, left, resolving_, connections_);
  if (result == CURLE_OK) {
    in_curl_ = true;  // it sets the timer, and calls no handler
    if (curl_multi_add_handle(multi_, exchange.easy()) != CURLM_OK) result = CURLE_OUT_OF_MEMORY;
    in_curl_ = false;
  }
  if (result != CURLE_OK) end_soon(exchange, result);
}

void CurlClient::end_soon(CurlExchange& exchange, CURLcode result) {
  ending_.emplace_back(&exchange, loop_.call_at(loop_.now(), [this, &exchange, result] {
    remove(exchange);
    exchange.finish(result);
  }));
}

// Takes the exchange out of whatever it is in; an open connection that is not done with closes.
void CurlClient::remove(CurlExchange& exchange) {
  std::erase_if(waiting_, [&](const Waiting& entry) { return entry.exchange == &exchange; });
  std::erase_if(ending_, [&](const auto& entry) { return entry.first == &exchange; });
  std::erase(resuming_, &exchange);
  if (exchange.easy() == nullptr) return;
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
  if (!waiting_.empty()) start_waiting();
}

// Resuming hands out what curl kept, so it must not happen inside the caller.
void CurlClient::set_paused(CurlExchange& exchange, bool paused) {
  exchange.set_paused(paused);
  if (!exchange.wants_resume()) return;
  resuming_.push_back(&exchange);
  if (resume_timer_ == nullptr) resume_timer_ = loop_.call_at(loop_.now(), [this] { resume_all(); });
}

void CurlClient::resume_all() {
  resume_timer_.reset();
  while (!resuming_.empty()) {
    auto& exchange = *resuming_.back();
    resuming_.pop_back();
    if (!exchange.wants_resume()) continue;  // paused again, or already resumed
    in_curl_ = true;
    const auto result = exchange.resume();
    in_curl_ = false;
    rethrow();
    // A handler that refuses the kept bytes ends nothing by itself: curl only returns it here.
    if (result != CURLE_OK) end_soon(exchange, result);
  }
  settle();
}

void CurlClient::rethrow() {
  if (auto thrown = take_thrown()) std::rethrow_exception(std::move(thrown));
}

template <typename Call>
void CurlClient::enter(Call call) {
  in_curl_ = true;
  int running = 0;
  const CURLMcode result = call(running);
  in_curl_ = false;
  rethrow();
  // It does not say whose socket or timer it has lost: that exchange would wait for ever.
  if (result == CURLM_OUT_OF_MEMORY) throw std::bad_alloc();
  settle();
}

void CurlClient::settle() {
  while (!abandoned_.empty()) {
    const auto exchange = std::move(abandoned_.back());
    abandoned_.pop_back();
    remove(*exchange);
  }
  tell_results();
  start_waiting();
}

void CurlClient::tell_results() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    auto& exchange = CurlExchange::of(message->easy_handle);
    const auto result = message->data.result;
    remove(exchange);
    if (exchange.needs_new_connection()) {
      enqueue(exchange);  // nothing of it has been sent
    } else {
      exchange.finish(result);
    }
  }
}

// An error or hang-up shows when curl reads or writes.
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
  unsetenv("SSLKEYLOGFILE");  // OpenSSL's key log would let anybody decrypt
  return std::make_unique<CurlClient>(loop, options);
}

}  // namespace aiw
