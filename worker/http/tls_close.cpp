#include "worker/http/tls_close.hpp"

#include <dlfcn.h>
#include <openssl/ssl.h>

#include <unordered_map>

namespace aiw {
namespace {

constexpr const char* kLibrary = "libssl.so.3";  // library that libcurl loaded

// Marks by SSL address. A later connection may reuse the address while the former mark is still in use, so each
// connection has its own mark.
std::unordered_map<const void*, TlsCloseMark>& marks() {
  static std::unordered_map<const void*, TlsCloseMark> all;
  return all;
}

void on_event(const SSL* ssl, int where, int value) noexcept {
  constexpr int kDescription = 0xff;  // description of an alert; the level is in the bits above
  try {
    if ((where & SSL_CB_HANDSHAKE_START) != 0) marks()[ssl] = std::make_shared<bool>(false);
    const bool alert = (where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT;
    if (!alert || (value & kDescription) != SSL_AD_CLOSE_NOTIFY) return;
    if (const auto mark = marks().find(ssl); mark != marks().end()) *mark->second = true;
  } catch (...) {  // out of memory: the response counts as truncated
    marks().erase(ssl);
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

TlsCloseMark tls_close_mark(const void* ssl) {
  const auto mark = marks().find(ssl);
  return mark == marks().end() ? nullptr : mark->second;
}

}  // namespace aiw
