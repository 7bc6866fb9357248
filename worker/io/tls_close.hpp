// Tells TLS connections that the peer closed (by close_notify, which nobody on the way can forge) from those where only
// TCP ended, which anybody on the way can cause. libcurl 7.88 takes either for the end of a body.
#pragma once

namespace aiw {

// Follows the connections of an SSL_CTX. Does nothing if libcurl did not bring OpenSSL. Loop thread only, like the
// function below.
void watch_tls_close(void* ssl_context);

// True if the peer closed the connection of this SSL, which may have been freed since.
bool tls_closed_by_peer(const void* ssl);

}  // namespace aiw
