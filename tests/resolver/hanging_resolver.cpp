// A getaddrinfo to preload that never answers for names under "hang.invalid" (RFC 2606 keeps .invalid free), as a name
// server does that is not there; all others are resolved as ever.
#include <dlfcn.h>
#include <netdb.h>
#include <unistd.h>

#include <string_view>

extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* name, const char* service,
                                                                  const addrinfo* hints, addrinfo** result) {
  if (name != nullptr && std::string_view(name).ends_with("hang.invalid")) {
    sleep(600);  // longer than any test waits; it ends with its process
    return EAI_AGAIN;
  }
  static const auto next = reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return next(name, service, hints, result);
}
