// One client's connection to the loopback upstream: reads requests and plays their scripts, one after the other.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tools/support/request_reader.hpp"
#include "tools/support/script.hpp"

namespace aiw::tools {

// Services that the server provides to its connections. Outlives every connection. Used on the server's thread only.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  virtual Script answer(Request&& request) = 0;
  virtual void closed() = 0;
  // Read buffer shared by all connections. Its contents are not kept between two calls.
  virtual std::span<char> scratch() = 0;
};

// Kept alive by its pending operation. Destroyed when there is none.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::ip::tcp::socket socket, ConnectionHost& host, RequestReader::Limits limits,
             std::uint64_t number);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();

 private:
  using ErrorCode = boost::system::error_code;

  void wait_readable();
  void on_readable();
  // Returns true if the bytes completed a request. Its response has then been started.
  bool consume(std::span<const char> bytes);
  void begin_answer(Script script);
  void send_head();
  void send_raw();
  void send_next_write();
  void send_delayed_write();
  void start_stream();
  void send_next_block();
  void schedule_tick();
  void on_tick();
  void send_stream_tail();
  void finish();
  void close();
  void next_request();
  void hang();
  void reset();
  void send(std::string_view bytes, void (Connection::*then)());
  void after(std::chrono::steady_clock::time_point when, void (Connection::*then)());

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  ConnectionHost& host_;
  RequestReader reader_;
  std::uint64_t number_;
  bool close_after_ = false;
  bool hanging_ = false;
  std::string unread_;  // bytes of the next request that were read with the last one
  Script script_;
  std::vector<std::string> writes_;
  std::size_t next_write_ = 0;
  std::string out_;       // bytes being written that are neither in writes_ nor in script_.stream
  std::size_t sent_ = 0;  // blocks or ticks of script_.stream sent so far
  std::chrono::steady_clock::time_point next_tick_;
};

}  // namespace aiw::tools
