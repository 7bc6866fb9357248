// Maps curl's connections to sockets. Curl does not pass the socket to the callback that runs before a request.
#pragma once

#include <curl/curl.h>

#include <string>
#include <string_view>
#include <unordered_map>

namespace aiw {

class CurlConnections {
 public:
  // Returns the key of a connection: its addresses, as CURLOPT_PREREQFUNCTION passes them.
  static std::string name_of(std::string_view remote_ip, int remote_port, std::string_view local_ip, int local_port);

  void add(std::string name, int fd);
  // Returns the socket; -1 if unknown.
  [[nodiscard]] int find(const std::string& name) const;
  // A CURLOPT_CLOSESOCKETFUNCTION whose data is a CurlConnections.
  static int on_close(void* self, curl_socket_t fd) noexcept;

 private:
  void remove(int fd);

  std::unordered_map<std::string, int> sockets_;
  std::unordered_map<int, std::string> names_;
};

}  // namespace aiw
