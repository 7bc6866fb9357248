#include "worker/io/tls_close.hpp"

#include <dlfcn.h>
#include <openssl/ssl.h>

#include <unordered_set>

namespace aiw {
namespace {

constexpr const char* kLibrary = "libssl.so.3";  // the one that libcurl brought

// One entry for each place in memory at most: a connection that begins there is a new one.
std::unordered_set<const void*>& closed_connections() {
  static std::unordered_set<const void*> connections;
  return connections;
}

void on_event(const SSL* ssl, int where, int value) noexcept {
  constexpr int kDescription = 0xff;  // of an alert; the level is above it
  if ((where & SSL_CB_HANDSHAKE_START) != 0) closed_connections().erase(ssl);
  const bool alert = (where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT;
  if (!alert || (value & kDescription) != SSL_AD_CLOSE_NOTIFY) return;
  try {
    closed_connections().insert(ssl);
  } catch (...) {  // no memory: the answer counts as cut short
  }
}

}  // namespace

void watch_tls_close(void* ssl_context) {
  static void* const library = dlopen(kLibrary, RTLD_LAZY | RTLD_NOLOAD);
  if (library == nullptr) return;
  static auto* const set_callback =
      reinterpret_cast<decltype(&SSL_CTX_set_info_callback)>(dlsym(library, "SSL_CTX_set_info_callback"));
  if (set_callback != nullptr) set_callback(static_cast<SSL_CTX*>(ssl_context), &on_event);
}

bool tls_closed_by_peer(const void* ssl) { return closed_connections().contains(ssl); }

}  // namespace aiw
