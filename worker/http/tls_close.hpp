// Distinguishes two ends of a TLS connection: the peer closed it (close_notify, which cannot be forged on the way), or
// only TCP was closed, which anyone on the way can cause. libcurl 7.88 accepts both as the end of a body.
#pragma once

#include <memory>

namespace aiw {

// True once the peer has closed the connection.
using TlsCloseMark = std::shared_ptr<bool>;

// Watches the connections of an SSL_CTX. Does nothing if libcurl did not load OpenSSL. Loop thread only, like the
// function below.
void watch_tls_close(void* ssl_context);

// Returns the mark of the SSL's current connection; nullptr if it is not watched. The mark outlives the connection.
TlsCloseMark tls_close_mark(const void* ssl);

}  // namespace aiw
