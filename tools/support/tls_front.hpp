// TLS in front of the loopback upstream. Terminates TLS and forwards the bytes, so every script can be served over
// https.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

namespace aiw::tools {

// Certificate and its key, in PEM.
struct Certificate {
  std::string cert;
  std::string key;
};

struct CertificateSpec {
  std::string common_name = "test";
  std::vector<std::string> names = {};  // as in subjectAltName: "DNS:localhost", "IP:127.0.0.1"
  int days = 2;                         // validity; negative: expired that many days ago
  bool authority = false;
};

// Returns a certificate signed by `issuer`, or by itself if there is none.
Certificate make_certificate(const CertificateSpec& spec, const Certificate* issuer = nullptr);

struct TlsFrontOptions {
  Certificate identity = {};
  std::string client_authority = {};  // PEM; if set, a client needs a certificate of this authority
  bool offer_h2 = false;              // used if the client offers it by ALPN
  bool says_end = false;              // ends with a close_notify; if false, connections just close
  int max_version = 0;                // OpenSSL's number, such as TLS1_1_VERSION; 0: the newest
  std::size_t session_tickets = 2;    // sent after each handshake of TLS 1.3
  std::uint16_t port = 0;             // 0: any free port
};

struct TlsFrontSeen {
  std::size_t connections = 0;
  std::size_t handshakes = 0;          // successful handshakes
  std::vector<std::string> alpn = {};  // protocols that the last client offered
  std::string client_name = {};        // name in the last client's certificate
  std::string server_name = {};        // server name that the last client requested
};

// Owns one thread. Listens on 127.0.0.1. Each connection gets its own to `upstream_port`; when one closes, so does the
// other.
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
