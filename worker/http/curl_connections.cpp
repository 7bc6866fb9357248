#include "worker/http/curl_connections.hpp"

#include <unistd.h>

#include <utility>

namespace aiw {

std::string CurlConnections::name_of(std::string_view remote_ip, int remote_port, std::string_view local_ip,
                                     int local_port) {
  std::string name(remote_ip);
  return name.append(" ")
      .append(std::to_string(remote_port))
      .append(" ")
      .append(local_ip)
      .append(" ")
      .append(std::to_string(local_port));
}

void CurlConnections::add(std::string name, int fd) {
  remove(fd);
  sockets_[name] = fd;
  names_[fd] = std::move(name);
}

int CurlConnections::find(const std::string& name) const {
  const auto found = sockets_.find(name);
  return found == sockets_.end() ? -1 : found->second;
}

void CurlConnections::remove(int fd) {
  const auto named = names_.find(fd);
  if (named == names_.end()) return;
  sockets_.erase(named->second);
  names_.erase(named);
}

int CurlConnections::on_close(void* self, curl_socket_t fd) noexcept {
  static_cast<CurlConnections*>(self)->remove(fd);
  return close(fd);
}

}  // namespace aiw
