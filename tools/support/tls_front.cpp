#include "tools/support/tls_front.hpp"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <mutex>
#include <thread>
#include <utility>

namespace aiw::tools {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;

class TlsFront::Impl {
 public:
  Impl(std::uint16_t upstream_port, TlsFrontOptions options)
      : upstream_(asio::ip::address_v4::loopback(), upstream_port), options_(std::move(options)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
  }

  // Throws what asio throws for invalid PEM.
  void begin() {
    set_up_context();
    const Tcp::endpoint endpoint(asio::ip::address_v4::loopback(), options_.port);
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(Tcp::acceptor::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
    accept();
    thread_ = std::thread([this] { loop_.run(); });
  }

  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  TlsFrontSeen seen_;  // guarded by mutex_

 private:
  class Link;

  void set_up_context();
  void accept();
  static int choose_alpn(SSL* ssl, const unsigned char** out, unsigned char* length, const unsigned char* in,
                         unsigned size, void* self);

  const Tcp::endpoint upstream_;
  const TlsFrontOptions options_;
  asio::ssl::context context_{asio::ssl::context::tls_server};
  asio::io_context loop_{1};
  Tcp::acceptor acceptor_{loop_};
  std::thread thread_;
};

// One client's connection and its connection to the upstream. Kept alive by its pending reads and writes.
class TlsFront::Impl::Link : public std::enable_shared_from_this<Link> {
 public:
  Link(Tcp::socket socket, Impl& front)
      : front_(front), client_(std::move(socket), front.context_), upstream_(front.loop_) {}

  void start() {
    client_.async_handshake(asio::ssl::stream_base::server, [self = shared_from_this()](ErrorCode error) {
      if (!error) self->shake_hands();
    });
  }

 private:
  void shake_hands() {
    {
      const std::lock_guard lock(front_.mutex_);
      ++front_.seen_.handshakes;
      SSL* const ssl = client_.native_handle();
      const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
      front_.seen_.server_name = name == nullptr ? "" : name;
      X509* const peer = SSL_get0_peer_certificate(ssl);
      std::array<char, 256> text{};
      if (peer != nullptr) {
        X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, text.data(), text.size());
      }
      front_.seen_.client_name = text.data();
    }
    upstream_.async_connect(front_.upstream_, [self = shared_from_this()](ErrorCode error) {
      if (error) return self->end();
      self->pass_request();
      self->pass_answer();
    });
  }

  void pass_request() {
    client_.async_read_some(asio::buffer(request_), [self = shared_from_this()](ErrorCode error, std::size_t count) {
      if (error) return self->end();
      asio::async_write(self->upstream_, asio::buffer(self->request_.data(), count),
                        [self](ErrorCode failed, std::size_t) { failed ? self->end() : self->pass_request(); });
    });
  }

  void pass_answer() {
    upstream_.async_read_some(asio::buffer(answer_), [self = shared_from_this()](ErrorCode error, std::size_t count) {
      if (error) return self->end();
      asio::async_write(self->client_, asio::buffer(self->answer_.data(), count),
                        [self](ErrorCode failed, std::size_t) { failed ? self->end() : self->pass_answer(); });
    });
  }

  void end() {
    ErrorCode ignored;
    upstream_.close(ignored);
    if (!front_.options_.says_end) {
      client_.lowest_layer().close(ignored);
    } else if (!std::exchange(ending_, true)) {
      client_.async_shutdown([self = shared_from_this()](ErrorCode) {
        ErrorCode closed;
        self->client_.lowest_layer().close(closed);
      });
    }
  }

  Impl& front_;
  asio::ssl::stream<Tcp::socket> client_;
  Tcp::socket upstream_;
  bool ending_ = false;
  std::array<char, 16384> request_{};
  std::array<char, 16384> answer_{};
};

void TlsFront::Impl::set_up_context() {
  const auto buffer = [](const std::string& text) { return asio::buffer(text.data(), text.size()); };
  SSL_CTX* const ssl = context_.native_handle();
  if (options_.max_version != 0) {
    SSL_CTX_set_max_proto_version(ssl, options_.max_version);
    SSL_CTX_set_min_proto_version(ssl, options_.max_version);
    SSL_CTX_set_cipher_list(ssl, "ALL:@SECLEVEL=0");  // OpenSSL 3 supports old versions only at level 0
  }
  context_.use_certificate_chain(buffer(options_.identity.cert));
  context_.use_private_key(buffer(options_.identity.key), asio::ssl::context::pem);
  if (!options_.client_authority.empty()) {
    context_.add_certificate_authority(buffer(options_.client_authority));
    context_.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
  }
  SSL_CTX_set_num_tickets(ssl, options_.session_tickets);
  SSL_CTX_set_alpn_select_cb(ssl, &choose_alpn, this);
}

void TlsFront::Impl::accept() {
  acceptor_.async_accept([this](ErrorCode error, Tcp::socket socket) {
    if (error) return;
    {
      const std::lock_guard lock(mutex_);
      ++seen_.connections;
    }
    std::make_shared<Link>(std::move(socket), *this)->start();
    accept();
  });
}

// `in` is a list of names, each after its length (RFC 7301, 3.1).
int TlsFront::Impl::choose_alpn(SSL*, const unsigned char** out, unsigned char* length, const unsigned char* in,
                                unsigned size, void* self) {
  auto& front = *static_cast<Impl*>(self);
  const std::lock_guard lock(front.mutex_);
  front.seen_.alpn.clear();
  for (unsigned at = 0; at < size; at += 1U + in[at]) {
    front.seen_.alpn.emplace_back(reinterpret_cast<const char*>(in) + at + 1, in[at]);
    const bool wanted = front.seen_.alpn.back() == (front.options_.offer_h2 ? "h2" : "http/1.1");
    if (!wanted) continue;
    *out = in + at + 1;
    *length = in[at];
  }
  return *out == nullptr ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_OK;
}

std::expected<std::unique_ptr<TlsFront>, std::string> TlsFront::start(std::uint16_t upstream_port,
                                                                      TlsFrontOptions options) {
  auto impl = std::make_unique<Impl>(upstream_port, std::move(options));
  try {
    impl->begin();
  } catch (const boost::system::system_error& error) {
    return std::unexpected(std::string("TLS: ") + error.what());
  }
  return std::unique_ptr<TlsFront>(new TlsFront(std::move(impl)));
}

TlsFront::TlsFront(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsFront::~TlsFront() = default;

std::uint16_t TlsFront::port() const { return impl_->port_; }

std::string TlsFront::url(const std::string& host) const {
  return "https://" + host + ":" + std::to_string(impl_->port_);
}

TlsFrontSeen TlsFront::seen() const {
  const std::lock_guard lock(impl_->mutex_);
  return impl_->seen_;
}

}  // namespace aiw::tools
