// TLS in front of the loopback upstream: ends it and passes the bytes on, so that every script serves under https too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

namespace aiw::tools {

// A certificate and its key, in PEM.
struct Certificate {
  std::string cert;
  std::string key;
};

struct CertificateSpec {
  std::string common_name = "test";
  std::vector<std::string> names = {};  // as in subjectAltName: "DNS:localhost", "IP:127.0.0.1"
  int days = 2;                         // negative: it ended so long ago
  bool authority = false;
};

// Signed by `issuer`, or by itself if there is none.
Certificate make_certificate(const CertificateSpec& spec, const Certificate* issuer = nullptr);

struct TlsFrontOptions {
  Certificate identity = {};
  std::string client_authority = {};  // PEM: only clients with its certificate are let in
  bool offer_h2 = false;              // chosen by ALPN if the client knows it
  bool says_end = false;              // by a close_notify; else its connections just end
  int max_version = 0;                // OpenSSL's number, TLS1_1_VERSION; 0: the newest
  std::uint16_t port = 0;             // 0: any free one
};

struct TlsFrontSeen {
  std::size_t connections = 0;
  std::size_t handshakes = 0;          // that succeeded
  std::vector<std::string> alpn = {};  // what the last client offered
  std::string client_name = {};        // of the last client's certificate
  std::string server_name = {};        // that the last client asked for
};

// Owns one thread. Listens on 127.0.0.1; each connection gets one to `upstream_port`, and when one of the two ends, so
// does the other.
class TlsFront {
 public:
  static std::expected<std::unique_ptr<TlsFront>, std::string> start(std::uint16_t upstream_port,
                                                                     TlsFrontOptions options);
  ~TlsFront();
  TlsFront(const TlsFront&) = delete;
  TlsFront& operator=(const TlsFront&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string url(const std::string& host = "127.0.0.1") const;
  [[nodiscard]] TlsFrontSeen seen() const;

 private:
  class Impl;
  explicit TlsFront(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace aiw::tools
