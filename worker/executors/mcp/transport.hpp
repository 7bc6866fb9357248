// Interface between an MCP session and the transport of its messages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aiw {

// Receiver of transport events, called on the loop thread. The transport must not be destroyed within these calls.
class McpTransportHandler {
 public:
  virtual ~McpTransportHandler() = default;
  // `text` is one JSON text, which may hold a batch.
  virtual void on_message(std::string text) = 0;
  // The request `id` gets no response; other requests may. `why` completes "the MCP server ...".
  virtual void on_unanswered(std::int64_t id, std::string_view why) = 0;
  // The server no longer knows the session and did not run the request `id`. `current`: the lost session is the one
  // that the next request would use.
  virtual void on_session_lost(std::int64_t id, bool current) = 0;
  // No further event follows.
  virtual void on_closed(std::string_view why) = 0;
};

struct McpOutgoing {
  enum class Kind { initialize, initialized, request, other };
  Kind kind = Kind::other;
  std::string json;
  std::optional<std::int64_t> id{};  // set for a request, which expects a response
};

class McpTransport {
 public:
  virtual ~McpTransport() = default;
  // Connects, if the transport has a connection. `handler` must outlive the transport. Error: the reason for a failure.
  virtual std::optional<std::string> start(McpTransportHandler& handler) = 0;
  // Never calls the handler before it returns.
  virtual void send(McpOutgoing message) = 0;
  // Releases the state of request `id`: it has its response, or needs none.
  virtual void forget(std::int64_t id) = 0;
  // Reports the result of initialize. `listen`: the server may send messages on its own.
  virtual void agreed(std::string_view revision, bool listen) = 0;
  // Prepares for an initialize that begins another session.
  virtual void forget_session() = 0;
};

}  // namespace aiw
