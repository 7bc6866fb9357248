// Which socket is which of curl's connections. Curl does not say it to the callback that is called before a request.
#pragma once

#include <curl/curl.h>

#include <string>
#include <string_view>
#include <unordered_map>

namespace aiw {

class CurlConnections {
 public:
  // A connection by its addresses, as CURLOPT_PREREQFUNCTION has them.
  static std::string name_of(std::string_view remote_ip, int remote_port, std::string_view local_ip, int local_port);

  void add(std::string name, int fd);
  // -1 if it is not known.
  [[nodiscard]] int find(const std::string& name) const;
  // A CURLOPT_CLOSESOCKETFUNCTION, whose data is a CurlConnections.
  static int on_close(void* self, curl_socket_t fd) noexcept;

 private:
  void remove(int fd);

  std::unordered_map<std::string, int> sockets_;
  std::unordered_map<int, std::string> names_;
};

}  // namespace aiw
