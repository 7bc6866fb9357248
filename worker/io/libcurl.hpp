// libcurl, which is loaded when it is first needed.
#pragma once

namespace aiw {

// Loads and initialises it now, with the TLS library that it brings. False if it is not there.
bool load_libcurl();

}  // namespace aiw
