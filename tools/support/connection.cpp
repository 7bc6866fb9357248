#include "tools/support/connection.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace aiw::tools {

namespace asio = boost::asio;
using Steady = std::chrono::steady_clock;
using Tcp = asio::ip::tcp;

namespace {

// Delay before a reset. On some paths a reset makes the peer's kernel drop bytes that its process has not read yet.
constexpr std::chrono::milliseconds kBeforeReset{20};
constexpr int kReadsPerTurn = 16;  // limit, so that one large request does not block the others
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::int64_t steady_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Steady::now().time_since_epoch()).count();
}

}  // namespace

Connection::Connection(Tcp::socket socket, ConnectionHost& host, RequestReader::Limits limits, std::uint64_t number)
    : socket_(std::move(socket)), timer_(socket_.get_executor()), host_(host), reader_(limits), number_(number) {}

Connection::~Connection() { host_.closed(); }

void Connection::start() {
  ErrorCode ignored;
  socket_.set_option(Tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  wait_readable();
}

void Connection::wait_readable() {
  socket_.async_wait(Tcp::socket::wait_read, [self = shared_from_this()](ErrorCode error) {
    if (!error) self->on_readable();
  });
}

void Connection::on_readable() {
  for (int turn = 0; turn < kReadsPerTurn; ++turn) {
    ErrorCode error;
    std::span<char> scratch = host_.scratch();
    std::size_t count = socket_.read_some(asio::buffer(scratch.data(), scratch.size()), error);
    if (error == asio::error::would_block) break;
    if (error) return;
    if (!hanging_ && consume(scratch.first(count))) return;
  }
  wait_readable();
}

bool Connection::consume(std::span<const char> bytes) {
  RequestReader::State state = reader_.feed(bytes);
  if (state == RequestReader::State::kReading) {
    ErrorCode ignored;
    if (reader_.take_continue_wish()) asio::write(socket_, asio::buffer(kContinue), ignored);
    return false;
  }
  unread_.assign(bytes.data(), bytes.size());
  if (state != RequestReader::State::kComplete) {
    close_after_ = true;
    begin_answer(json_script(state == RequestReader::State::kTooLarge ? 413 : 400, "{\"error\":\"bad request\"}"));
    return true;
  }
  Request request = reader_.take();
  request.connection = number_;
  request.received_at = Steady::now();
  close_after_ = request.header("connection") == "close";
  begin_answer(host_.answer(std::move(request)));
  return true;
}

void Connection::begin_answer(Script script) {
  script_ = std::move(script);
  writes_ = script_.stream ? std::vector<std::string>{} : body_writes(script_);
  next_write_ = 0;
  sent_ = 0;
  close_after_ = close_after_ || script_.framing == Framing::kClose;
  if (script_.delay_before_head.count() == 0) return send_head();
  after(Steady::now() + script_.delay_before_head, &Connection::send_head);
}

void Connection::send_head() {
  if (script_.before_head) {
    out_ = script_.ending == Ending::kGarbage && !writes_.empty() ? writes_.back() : std::string();
    next_write_ = writes_.size();
    return send(out_, &Connection::finish);
  }
  if (!script_.raw.empty()) {
    writes_.clear();
    next_write_ = 0;
    return send_raw();
  }
  out_ = response_head(script_);
  if (script_.stream) {
    out_ += script_.stream->head();
    return send(out_, &Connection::start_stream);
  }
  if (script_.delay_between.count() == 0 && !writes_.empty()) out_ += writes_[next_write_++];
  send(out_, &Connection::send_next_write);
}

void Connection::send_raw() {
  if (sent_++ == script_.raw_repeated) return finish();
  send(script_.raw, &Connection::send_raw);
}

void Connection::send_next_write() {
  if (next_write_ == writes_.size()) return finish();
  if (script_.delay_between.count() == 0) return send(writes_[next_write_++], &Connection::send_next_write);
  after(Steady::now() + script_.delay_between, &Connection::send_delayed_write);
}

void Connection::send_delayed_write() { send(writes_[next_write_++], &Connection::send_next_write); }

void Connection::start_stream() {
  if (script_.stream->spec().rate == 0) return send_next_block();
  next_tick_ = Steady::now() + script_.stream_phase;
  schedule_tick();
}

void Connection::send_next_block() {
  const SyntheticStream& stream = *script_.stream;
  if (sent_++ < stream.full_blocks()) return send(stream.block(), &Connection::send_next_block);
  send(stream.rest(), &Connection::send_stream_tail);
}

void Connection::schedule_tick() {
  if (sent_ == script_.stream->spec().chunks) return send_stream_tail();
  after(next_tick_, &Connection::on_tick);
}

void Connection::on_tick() {
  ++sent_;
  next_tick_ += std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 / script_.stream->spec().rate));
  out_ = script_.stream->stamped_event(steady_ns());
  send(out_, &Connection::schedule_tick);
}

void Connection::send_stream_tail() {
  if (script_.ending != Ending::kProper) return finish();
  send(script_.stream->tail(), &Connection::finish);
}

void Connection::finish() {
  switch (script_.ending) {
    case Ending::kProper: return close_after_ ? close() : next_request();
    case Ending::kHang: hanging_ = true; return wait_readable();
    case Ending::kReset: return after(Steady::now() + kBeforeReset, &Connection::reset);
    default: return close();
  }
}

void Connection::next_request() {
  script_ = {};
  writes_.clear();
  if (unread_.empty()) return wait_readable();
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    std::string bytes = std::exchange(self->unread_, {});
    if (!self->consume(bytes)) self->wait_readable();
  });
}

void Connection::close() {
  ErrorCode ignored;
  socket_.shutdown(Tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
}

void Connection::reset() {
  ErrorCode ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

// Writes at once if possible, so that an event of a paced stream is sent without another turn of the loop.
void Connection::send(std::string_view bytes, void (Connection::*then)()) {
  asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()),
                    [self = shared_from_this(), then](ErrorCode error, std::size_t) {
                      if (!error) (self.get()->*then)();
                    });
}

void Connection::after(Steady::time_point when, void (Connection::*then)()) {
  timer_.expires_at(when);
  timer_.async_wait([self = shared_from_this(), then](ErrorCode error) {
    if (!error) (self.get()->*then)();
  });
}

}  // namespace aiw::tools
