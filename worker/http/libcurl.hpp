// libcurl, loaded when first needed.
#pragma once

namespace aiw {

// Loads and initializes libcurl now, with its TLS library. Returns false if it is not installed.
bool load_libcurl();

// Returns true if this OpenSSL connection (SSL*) holds received bytes that were not read yet.
bool tls_has_pending(const void* ssl);

}  // namespace aiw
