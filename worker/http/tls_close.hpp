// Tells TLS connections that the peer closed (by close_notify, which nobody on the way can forge) from those where only
// TCP ended, which anybody on the way can cause. libcurl 7.88 takes either for the end of a body.
#pragma once

#include <memory>

namespace aiw {

// True once the peer closed that connection.
using TlsCloseMark = std::shared_ptr<bool>;

// Follows the connections of an SSL_CTX. Does nothing if libcurl did not bring OpenSSL. Loop thread only, like the
// function below.
void watch_tls_close(void* ssl_context);

// The mark of the connection that is now this SSL's; nullptr if it is not followed. It outlives the connection.
TlsCloseMark tls_close_mark(const void* ssl);

}  // namespace aiw
