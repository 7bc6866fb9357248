// Resolver for tests, loaded into the worker by LD_PRELOAD. The names below have a fixed result. Each look-up and each
// address that is connected to is written to $FAKE_RESOLVER_LOG.
//
//   gone.test         does not exist
//   NAME.hang.test    no response for $FAKE_RESOLVER_HANG_MS milliseconds (default 1000), then a temporary failure
//   NAME.hang         the same; NAME may contain a domain of its own
//   a-b-c-d.ip.test   the address a.b.c.d; A-and-B.ip.test has two addresses
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

void note(const std::string& line) {
  const char* const path = std::getenv("FAKE_RESOLVER_LOG");
  const int fd = path == nullptr ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return;
  const std::string text = line + "\n";
  [[maybe_unused]] const auto written = write(fd, text.data(), text.size());
  close(fd);
}

// Returns the addresses in a text such as "127-0-0-1-and-10-0-0-1".
std::vector<std::string> addresses_in(std::string text) {
  std::vector<std::string> addresses;
  constexpr std::string_view kAnd = "-and-";
  while (!text.empty()) {
    const auto end = std::min(text.find(kAnd), text.size());
    std::string one = text.substr(0, end);
    std::ranges::replace(one, '-', '.');
    addresses.push_back(one);
    text.erase(0, end + kAnd.size());
  }
  return addresses;
}

// Only the real function can build a list that freeaddrinfo accepts.
auto* const real_getaddrinfo = reinterpret_cast<decltype(::getaddrinfo)*>(dlsym(RTLD_NEXT, "getaddrinfo"));
auto* const real_connect = reinterpret_cast<decltype(::connect)*>(dlsym(RTLD_NEXT, "connect"));

int resolve(const std::vector<std::string>& addresses, const char* service, const addrinfo* hints, addrinfo** out) {
  *out = nullptr;
  addrinfo** tail = out;
  for (const auto& address : addresses) {
    const int error = real_getaddrinfo(address.c_str(), service, hints, tail);
    if (error != 0) return error;
    while (*tail != nullptr) tail = &(*tail)->ai_next;
  }
  return *out == nullptr ? EAI_NONAME : 0;
}

}  // namespace

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** out) {
  const std::string name = node == nullptr ? "" : node;
  note("lookup " + name);
  constexpr std::string_view kIp = ".ip.test";
  if (name == "gone.test") return EAI_NONAME;
  if (name.ends_with(kIp)) return resolve(addresses_in(name.substr(0, name.size() - kIp.size())), service, hints, out);
  if (name.ends_with(".hang.test") || name.ends_with(".hang")) {
    const char* const ms = std::getenv("FAKE_RESOLVER_HANG_MS");
    std::this_thread::sleep_for(std::chrono::milliseconds(ms == nullptr ? 1000 : std::atol(ms)));
    return EAI_AGAIN;
  }
  return real_getaddrinfo(node, service, hints, out);
}

extern "C" int connect(int fd, const sockaddr* address, socklen_t length) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
    note(std::string("connect ") + text);
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, address, sizeof in);
    inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
    note(std::string("connect ") + text);
  }
  return real_connect(fd, address, length);
}
