#include "worker/executors/mcp/http_transport.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <utility>

#include "protocol/ascii.hpp"
#include "worker/base/memory_account.hpp"
#include "worker/base/sse_parser.hpp"
#include "worker/executors/mcp/intake.hpp"

namespace aiw {
namespace {

constexpr std::size_t kMaxMessageBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxErrorBytes = 64 << 10;  // limit on the body of an error response
constexpr std::size_t kMaxSessionIdBytes = 1024;
constexpr std::chrono::milliseconds kDefaultRetry{1'000};
constexpr std::chrono::milliseconds kMinRetry{50};
constexpr std::chrono::milliseconds kMaxRetry{60'000};
// Limit on consecutive resumes of a response stream without any event in between.
constexpr int kMaxResumesWithoutEvent = 10;
// Limit on concurrent messages of ours that expect no response. Replies to the server's requests are among them, and a
// server may send requests without end.
constexpr std::ptrdiff_t kMaxUnasked = 32;
// Limits on the responses to those messages, which should be an empty "202 Accepted".
constexpr std::size_t kMaxUnreadBytes = 64 << 10;
constexpr std::chrono::seconds kUnreadLimit{30};
// Time that a forgotten exchange may take to finish by itself, so that its connection can be reused.
constexpr std::chrono::milliseconds kForgottenLinger{2'000};

bool is_own_header(std::string_view name) {
  static constexpr std::array<std::string_view, 5> kOwn = {"accept", "content-type", "mcp-session-id",
                                                           "mcp-protocol-version", "last-event-id"};
  return std::ranges::find(kOwn, ascii_lower(name)) != kOwn.end();
}

std::string lower_type(std::string_view content_type) {
  std::string type = ascii_lower(content_type.substr(0, content_type.find(';')));
  std::erase(type, ' ');
  return type;
}

class HttpTransport;

// One message with its response, or the stream of messages that the server sends on its own.
class Exchange : public std::enable_shared_from_this<Exchange>, private HttpHandler {
 public:
  Exchange(HttpTransport& transport, McpOutgoing message) : transport_(transport), message_(std::move(message)) {}
  // Creates the stream for messages that the server sends on its own.
  explicit Exchange(HttpTransport& transport) : transport_(transport), listening_(true), get_(true) {}

  void start();
  void forget();
  [[nodiscard]] std::optional<std::int64_t> id() const { return message_.id; }
  [[nodiscard]] bool is_unasked() const { return !listening_ && message_.kind == McpOutgoing::Kind::other; }
  // Returns true if a caller waits for the response.
  [[nodiscard]] bool is_awaited() const { return message_.id && !forgotten_; }
  [[nodiscard]] bool is_initialized() const { return message_.kind == McpOutgoing::Kind::initialized; }
  [[nodiscard]] bool listening() const { return listening_; }

 private:
  void on_head(const ResponseHead& head) override;
  void on_body(std::string_view bytes) override;
  void on_end(const Error* error) override;
  void read_events(std::string_view bytes);
  void pause_if_full(std::size_t messages, std::size_t bytes);
  void ended_well();
  void ended_badly(const Error* error);
  void resume_or_fail(std::string_view why);
  void fail(std::string_view why);
  void finish();

  HttpTransport& transport_;
  McpOutgoing message_;
  bool listening_ = false;
  bool get_ = false;  // the current transfer is a GET, either the first one or a resumption
  bool forgotten_ = false;
  bool finished_ = false;
  std::string session_;  // session id that the message was sent with
  int status_ = 0;
  bool is_stream_ = false, is_json_ = false;
  std::string body_;
  std::string last_id_;
  std::chrono::milliseconds retry_ = kDefaultRetry;
  int resumes_without_event_ = 0;  // resumes since the last event
  std::optional<SseParser> events_;
  std::unique_ptr<Timer> timer_, pause_;
  std::unique_ptr<HttpTransfer> transfer_;
};

class HttpTransport : public McpTransport {
 public:
  HttpTransport(Clock& clock, HttpClient& http, McpEndpoint endpoint, McpLog log,
                std::function<void(HttpRequest)> delete_session)
      : account_(MemoryAccount::current()),
        clock_(clock),
        http_(http),
        endpoint_(std::move(endpoint)),
        log_(std::move(log)),
        delete_session_(std::move(delete_session)),
        intake_(clock.now()) {}
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;
  ~HttpTransport() override { say_goodbye(); }

  std::optional<std::string> start(McpTransportHandler& handler) override {
    handler_ = &handler;
    return std::nullopt;
  }

  void send(McpOutgoing message) override {
    const bool handshake =
        message.kind == McpOutgoing::Kind::initialize || message.kind == McpOutgoing::Kind::initialized;
    if (message.kind == McpOutgoing::Kind::initialized) initializing_ = true;
    if (message.kind == McpOutgoing::Kind::other && unasked() >= kMaxUnasked) {
      return log_(McpLogLevel::debug, "left out a message", "too many are on their way");
    }
    if (initializing_ && !handshake) return waiting_.push_back(std::move(message));
    begin(std::make_shared<Exchange>(*this, std::move(message)));
  }

  void forget(std::int64_t id) override {
    std::erase_if(waiting_, [&](const McpOutgoing& message) { return message.id == id; });
    for (const auto& exchange : std::vector(exchanges_)) {
      if (exchange->id() == id) exchange->forget();
    }
  }

  void agreed(std::string_view revision, bool listen) override {
    revision_ = revision;
    listen_ = listen;
  }
  void forget_session() override {
    session_.clear();
    revision_.clear();
    initializing_ = false;
  }

  // Functions for Exchange:
  HttpRequest make_request(std::string method, std::string body, std::string_view last_event_id) const {
    HttpRequest request;
    request.method = std::move(method);
    request.url = endpoint_.url;
    const bool post = request.method == "POST";
    const auto set = [&](Header header) { static_cast<void>(request.headers.set(std::move(header))); };
    set({"accept", post ? "application/json, text/event-stream" : "text/event-stream"});
    if (post) set({"content-type", "application/json"});
    if (!session_.empty()) set({"mcp-session-id", session_, true});
    if (!revision_.empty()) set({"mcp-protocol-version", revision_});
    if (!last_event_id.empty()) set({"last-event-id", std::string(last_event_id)});
    for (const auto& header : endpoint_.headers) {
      if (!is_own_header(header.name)) set(header);
    }
    if (post) request.body.append(std::move(body));
    return request;
  }
  void adopt_session(std::string_view id) {
    if (id.size() <= kMaxSessionIdBytes && valid_header("mcp-session-id", id)) session_ = id;
  }
  // The server has acknowledged notifications/initialized, or the exchange has failed.
  void handshake_done(bool well) {
    initializing_ = false;
    const bool listening = std::ranges::any_of(exchanges_, [](const auto& e) { return e->listening(); });
    if (well && listen_ && !listening) begin(std::make_shared<Exchange>(*this));
    auto waiting = std::exchange(waiting_, {});
    for (auto& message : waiting) send(std::move(message));
  }
  void remove(const Exchange* exchange) {
    std::erase_if(exchanges_, [&](const auto& held) { return held.get() == exchange; });
  }
  [[nodiscard]] const std::string& session() const { return session_; }
  [[nodiscard]] McpIntake& intake() { return intake_; }
  [[nodiscard]] Clock& clock() const { return clock_; }
  [[nodiscard]] HttpClient& http() const { return http_; }
  [[nodiscard]] MemoryAccount* account() const { return account_; }
  [[nodiscard]] McpTransportHandler& handler() const { return *handler_; }
  [[nodiscard]] const McpLog& log() const { return log_; }

 private:
  [[nodiscard]] std::ptrdiff_t unasked() const {
    const auto is_other = [](const McpOutgoing& message) { return message.kind == McpOutgoing::Kind::other; };
    return std::ranges::count_if(exchanges_, [](const auto& exchange) { return exchange->is_unasked(); }) +
           std::ranges::count_if(waiting_, is_other);
  }
  void begin(std::shared_ptr<Exchange> exchange) {
    exchanges_.push_back(exchange);
    exchange->start();
  }
  void say_goodbye() {
    if (session_.empty()) return;
    delete_session_(make_request("DELETE", {}, {}));
  }

  MemoryAccount* const account_;  // account of the MCP server
  Clock& clock_;
  HttpClient& http_;
  McpEndpoint endpoint_;
  const McpLog log_;
  const std::function<void(HttpRequest)> delete_session_;
  McpTransportHandler* handler_ = nullptr;
  McpIntake intake_;  // shared by all exchanges
  std::string session_, revision_;
  bool listen_ = false;
  bool initializing_ = false;  // notifications/initialized is not acknowledged yet
  std::deque<McpOutgoing> waiting_;
  std::vector<std::shared_ptr<Exchange>> exchanges_;
};

void Exchange::start() {
  session_ = transport_.session();
  status_ = 0;
  is_stream_ = is_json_ = false;
  body_.clear();
  events_.emplace(kMaxMessageBytes);
  auto request =
      get_ ? transport_.make_request("GET", {}, last_id_) : transport_.make_request("POST", message_.json, {});
  request.once = !get_ && message_.kind == McpOutgoing::Kind::request;  // sending twice could run a tool twice
  const HttpLimits answered{.max_body_bytes = kMaxMessageBytes};
  const HttpLimits unread{.total_timeout = kUnreadLimit, .max_body_bytes = kMaxUnreadBytes};
  const MemoryScope scope(transport_.account());
  transfer_ = transport_.http().start(std::move(request), is_awaited() || listening_ ? answered : unread, *this);
}

void Exchange::forget() {
  forgotten_ = true;
  if (finished_) return;
  body_ = {};
  timer_ = transport_.clock().call_at(transport_.clock().now() + kForgottenLinger, [this] {
    const auto self = shared_from_this();
    finish();
  });
}

void Exchange::on_head(const ResponseHead& head) {
  status_ = head.status;
  const std::string type = lower_type(head.header("content-type"));
  is_stream_ = status_ == 200 && type == "text/event-stream";
  is_json_ = type == "application/json";
  if (message_.kind == McpOutgoing::Kind::initialize && status_ == 200) {
    transport_.adopt_session(head.header("mcp-session-id"));
    session_ = transport_.session();
  }
}

void Exchange::on_body(std::string_view bytes) {
  const auto self = shared_from_this();
  if (is_stream_) return read_events(bytes);
  if (!is_awaited()) return;  // no caller waits for the body
  const std::size_t limit = status_ >= 200 && status_ < 300 ? kMaxMessageBytes : kMaxErrorBytes;
  body_.append(bytes.substr(0, limit - std::min(limit, body_.size())));
}

void Exchange::read_events(std::string_view bytes) {
  std::size_t events = 0;
  events_->feed(bytes);
  for (SseEvent event; !finished_ && events_->next(event); ++events) {
    resumes_without_event_ = 0;
    const bool message = event.type.empty() || event.type == "message";
    if (message && !event.data.empty()) transport_.handler().on_message(std::string(event.data));
  }
  if (finished_) return;
  if (!events_->last_id().empty()) last_id_ = events_->last_id();
  if (const auto ms = events_->retry_ms()) retry_ = std::clamp(std::chrono::milliseconds(*ms), kMinRetry, kMaxRetry);
  if (events_->too_large()) return fail("sent a message that is too long");
  pause_if_full(events, bytes.size());
}

void Exchange::pause_if_full(std::size_t messages, std::size_t bytes) {
  const Instant now = transport_.clock().now();
  transport_.intake().add(now, messages, bytes);
  if (!transport_.intake().full(now)) return;
  transfer_->set_paused(true);
  pause_ = transport_.clock().call_at(transport_.intake().ready_at(), [this] { transfer_->set_paused(false); });
}

void Exchange::on_end(const Error* error) {
  const auto self = shared_from_this();
  if (error != nullptr || status_ >= 300) return ended_badly(error);
  ended_well();
}

void Exchange::ended_well() {
  if (is_initialized()) {
    finish();
    return transport_.handshake_done(true);
  }
  if (is_stream_) return resume_or_fail("ended its answer before it was complete");
  if (listening_ || forgotten_ || !message_.id) return finish();
  if (!is_json_) return fail("answered with something else than JSON or an event stream");
  transport_.handler().on_message(std::move(body_));
  if (!finished_ && !forgotten_) return fail("sent JSON that is not a response to the request");
  finish();
}

void Exchange::ended_badly(const Error* error) {
  if (is_initialized()) {
    finish();
    return transport_.handshake_done(false);
  }
  if (forgotten_) return finish();
  if (error != nullptr) {
    // The connection may have lost bytes; a server with event ids can replay them.
    if (is_stream_ || (get_ && !listening_)) return resume_or_fail("cannot be reached: " + error->code);
    return fail("cannot be reached: " + error->code);
  }
  if (status_ == 404 && !session_.empty() && message_.id) {
    const auto id = *message_.id;
    const bool current = session_ == transport_.session();
    finish();
    return transport_.handler().on_session_lost(id, current);
  }
  if (is_json_ && message_.id && !get_) {
    transport_.handler().on_message(std::move(body_));  // a JSON-RPC error may come with an HTTP error status
    if (finished_ || forgotten_) return finish();
  }
  fail("answered with HTTP status " + std::to_string(status_));
}

void Exchange::resume_or_fail(std::string_view why) {
  if (forgotten_) return finish();
  const bool again = listening_ ? session_ == transport_.session()
                                : !last_id_.empty() && resumes_without_event_ < kMaxResumesWithoutEvent;
  if (!again) return fail(why);
  get_ = true;
  pause_.reset();
  transfer_.reset();
  // The server sets the delay for a response stream. The listening stream uses exponential backoff.
  const auto delay = listening_ ? std::min(retry_ * (1 << std::min(resumes_without_event_, 10)), kMaxRetry) : retry_;
  ++resumes_without_event_;
  timer_ = transport_.clock().call_at(transport_.clock().now() + delay, [this] { start(); });
}

void Exchange::fail(std::string_view why) {
  const auto id = message_.id;
  const bool wanted = !forgotten_ && id;
  if (!wanted && status_ != 405) transport_.log()(McpLogLevel::debug, "a message was not taken", why);
  finish();
  if (wanted) transport_.handler().on_unanswered(*id, why);
}

void Exchange::finish() {
  finished_ = true;
  timer_.reset();
  pause_.reset();
  transfer_.reset();
  transport_.remove(this);
}

}  // namespace

std::unique_ptr<McpTransport> make_http_transport(Clock& clock, HttpClient& http, McpEndpoint endpoint, McpLog log,
                                                  std::function<void(HttpRequest)> delete_session) {
  return std::make_unique<HttpTransport>(clock, http, std::move(endpoint), std::move(log), std::move(delete_session));
}

}  // namespace aiw
