// A blocking loopback server for tests: each connection is handed to a script on a thread of its own.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/test_pipe.hpp"

namespace aiw::test {

class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}

  // The next request's head and body; empty at the end of the connection.
  std::string request() {
    std::size_t head_end = 0;
    while ((head_end = input_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return {};
    }
    std::size_t size = head_end + 4;
    const auto length = input_.find("Content-Length: ");
    if (length < head_end) size += std::strtoul(input_.c_str() + length + 16, nullptr, 10);
    while (input_.size() < size) {
      if (!more()) return {};
    }
    std::string out = input_.substr(0, size);
    input_.erase(0, size);
    return out;
  }
  // False once the client is gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  bool send_chunk(std::string_view bytes) {
    std::array<char, 32> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
    return send(std::string(size.data()) + std::string(bytes) + "\r\n");
  }
  // Closes with RST instead of FIN.
  void reset() {
    const linger now{1, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd_.reset();
  }
  // True when the client closed; waits for it.
  bool closed_by_client() {
    while (more()) {
    }
    return true;
  }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  bool more() {
    std::array<char, 65536> chunk;
    const auto count = recv(fd_.get(), chunk.data(), chunk.size(), 0);
    if (count <= 0) return false;
    input_.append(chunk.data(), static_cast<std::size_t>(count));
    return true;
  }

  Fd fd_;
  std::string input_;
};

class Server {
 public:
  explicit Server(std::function<void(Connection&)> script) : script_(std::move(script)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listener_.get(), 1000) == 0);
    socklen_t length = sizeof address;
    REQUIRE(getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::jthread([this] { accept_all(); });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  // Waits for the scripts: the client must be gone.
  ~Server() {
    shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
  }
  [[nodiscard]] std::string url(std::string_view path = "/v1") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void accept_all() {
    std::vector<std::jthread> threads;
    for (;;) {
      const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      ++connections_;
      threads.emplace_back([this, fd] {
        Connection connection(fd);
        script_(connection);
      });
    }
  }

  std::function<void(Connection&)> script_;
  Fd listener_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int port_ = 0;
  std::atomic<int> connections_ = 0;
  std::jthread acceptor_;
};

}  // namespace aiw::test
