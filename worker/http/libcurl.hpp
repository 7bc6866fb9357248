// libcurl, loaded when first needed.
#pragma once

namespace aiw {

// Loads and initializes libcurl now, with its TLS library. Returns false if it is not installed.
bool load_libcurl();

}  // namespace aiw
