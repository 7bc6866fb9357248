#include "worker/http/openssl.hpp"

#include <dlfcn.h>
#include <openssl/ssl.h>

#include <unordered_map>

namespace aiw {
namespace {

constexpr const char* kLibrary = "libssl.so.3";  // library that libcurl loaded

// Returns nullptr if libcurl did not load OpenSSL.
template <typename Function>
Function* find(const char* name) {
  static void* const library = dlopen(kLibrary, RTLD_LAZY | RTLD_NOLOAD);
  return library == nullptr ? nullptr : reinterpret_cast<Function*>(dlsym(library, name));
}

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

void prepare_tls(void* ssl_context) {
  auto* const context = static_cast<SSL_CTX*>(ssl_context);
  static auto* const set_callback = find<decltype(SSL_CTX_set_info_callback)>("SSL_CTX_set_info_callback");
  static auto* const control = find<decltype(SSL_CTX_ctrl)>("SSL_CTX_ctrl");
  if (set_callback != nullptr) set_callback(context, &on_event);
  if (control != nullptr) control(context, SSL_CTRL_CLEAR_MODE, SSL_MODE_AUTO_RETRY, nullptr);
}

TlsCloseMark tls_close_mark(const void* ssl) {
  const auto mark = marks().find(ssl);
  return mark == marks().end() ? nullptr : mark->second;
}

bool tls_has_pending(const void* ssl) {
  static auto* const has_pending = find<decltype(SSL_has_pending)>("SSL_has_pending");
  return has_pending != nullptr && has_pending(static_cast<const SSL*>(ssl)) != 0;
}

}  // namespace aiw
