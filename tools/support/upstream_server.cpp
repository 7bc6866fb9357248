#include "tools/support/upstream_server.hpp"

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "tools/support/connection.hpp"

namespace aiw::tools {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;

std::string_view Request::path() const { return std::string_view(target).substr(0, target.find('?')); }

std::string_view Request::query() const {
  std::size_t mark = target.find('?');
  return mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

std::string_view Request::parameter(std::string_view name) const {
  std::string_view rest = query();
  while (!rest.empty()) {
    std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) return pair.substr(name.size() + 1);
  }
  return {};
}

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

class UpstreamServer::Impl : public ConnectionHost {
 public:
  Impl(Handler handler, ServerOptions options) : handler_(std::move(handler)), options_(options) {}
  ~Impl() override {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
  }

  ErrorCode listen() {
    ErrorCode error;
    Tcp::endpoint endpoint(asio::ip::address_v4::loopback(), options_.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(Tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(4096, error);
    if (!error) port_ = acceptor_.local_endpoint(error).port();
    return error;
  }

  void run() {
    accept();
    thread_ = std::thread([this] { loop_.run(); });
  }

  Script answer(Request&& request) override {
    bool over = options_.max_requests != 0 && count_requests() > options_.max_requests;
    Script script =
        over ? json_script(503, "{\"error\":\"the request limit of this server is reached\"}") : handler_(request);
    remember(std::move(request));
    return script;
  }
  void closed() override { --open_; }
  std::span<char> scratch() override { return scratch_; }

  std::uint16_t port_ = 0;
  std::atomic<std::size_t> open_ = 0;
  const Handler handler_;
  const ServerOptions options_;
  mutable std::mutex mutex_;
  mutable std::condition_variable arrived_;
  std::size_t count_ = 0;          // guarded by mutex_
  std::vector<Request> requests_;  // guarded by mutex_

 private:
  std::size_t count_requests() const {
    std::lock_guard lock(mutex_);
    return count_ + 1;
  }

  void remember(Request&& request) {
    std::lock_guard lock(mutex_);
    ++count_;
    if (requests_.size() < options_.max_requests_kept) requests_.push_back(std::move(request));
    arrived_.notify_all();
  }

  void accept() {
    acceptor_.async_accept([this](ErrorCode error, Tcp::socket socket) {
      if (error) return accept_later();
      if (open_ < options_.max_connections) {
        ++open_;
        RequestReader::Limits limits{.body = options_.max_body, .body_kept = options_.max_body_kept};
        std::make_shared<Connection>(std::move(socket), *this, limits, accepted_++)->start();
      }
      accept();
    });
  }

  // Most likely out of file descriptors. The connection stays in the queue, and an immediate retry would spin.
  void accept_later() {
    retry_.expires_after(std::chrono::milliseconds(10));
    retry_.async_wait([this](ErrorCode error) {
      if (!error) accept();
    });
  }

  std::vector<char> scratch_ = std::vector<char>(256u << 10);
  std::uint64_t accepted_ = 0;
  // Destroyed before everything above, because its pending handlers own the connections, which report to this host.
  asio::io_context loop_{1};
  Tcp::acceptor acceptor_{loop_};
  asio::steady_timer retry_{loop_};
  std::thread thread_;
};

std::expected<std::unique_ptr<UpstreamServer>, std::string> UpstreamServer::start(Handler handler,
                                                                                  ServerOptions options) {
  auto impl = std::make_unique<Impl>(std::move(handler), options);
  if (ErrorCode error = impl->listen()) {
    return std::unexpected("cannot listen on port " + std::to_string(options.port) + ": " + error.message());
  }
  impl->run();
  return std::unique_ptr<UpstreamServer>(new UpstreamServer(std::move(impl)));
}

UpstreamServer::UpstreamServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
UpstreamServer::~UpstreamServer() = default;

std::uint16_t UpstreamServer::port() const { return impl_->port_; }
std::string UpstreamServer::url() const { return "http://127.0.0.1:" + std::to_string(impl_->port_); }
std::size_t UpstreamServer::open_connections() const { return impl_->open_; }

std::size_t UpstreamServer::request_count() const {
  std::lock_guard lock(impl_->mutex_);
  return impl_->count_;
}

std::vector<Request> UpstreamServer::requests() const {
  std::lock_guard lock(impl_->mutex_);
  return impl_->requests_;
}

void UpstreamServer::forget_requests() {
  std::lock_guard lock(impl_->mutex_);
  impl_->requests_.clear();
}

bool UpstreamServer::wait_for_requests(std::size_t count, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(impl_->mutex_);
  return impl_->arrived_.wait_for(lock, timeout, [&] { return impl_->count_ >= count; });
}

}  // namespace aiw::tools
