// libcurl, which is loaded when it is first needed.
#pragma once

namespace aiw {

// Loads and initialises it now, with the TLS library that it brings. False if it is not there.
bool load_libcurl();

// True if this connection of OpenSSL (SSL*) holds bytes that it has received and nobody has read.
bool tls_has_pending(const void* ssl);

}  // namespace aiw
