// What curl leaves to OpenSSL's own functions. OpenSSL is loaded together with libcurl, so it is called through dlsym.
// Loop thread only.
#pragma once

#include <memory>

namespace aiw {

// True once the peer has closed the connection with close_notify, which cannot be forged on the way. Anyone on the way
// can close TCP alone. libcurl 7.88 accepts both as the end of a body.
using TlsCloseMark = std::shared_ptr<bool>;

// Prepares an SSL_CTX before its first connection: marks of their closes are kept, and a read returns after each TLS
// record. By default OpenSSL would read on as long as a peer sends session tickets or new keys, which are no data.
// Does nothing if libcurl did not load OpenSSL.
void prepare_tls(void* ssl_context);

// Returns the mark of the SSL's current connection; nullptr if its context was not prepared. The mark outlives the
// connection.
TlsCloseMark tls_close_mark(const void* ssl);

// Returns true if this connection (SSL*) holds received bytes that were not read yet.
bool tls_has_pending(const void* ssl);

}  // namespace aiw
