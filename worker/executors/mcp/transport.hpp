// The seam between an MCP session and the way its messages travel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aiw {

// Told on the loop thread what comes back. The transport must not be destroyed within these calls.
class McpTransportHandler {
 public:
  virtual ~McpTransportHandler() = default;
  // One JSON text.
  virtual void on_message(std::string text) = 0;
  // The request `id` gets no answer; the others may. `why` completes "the MCP server ...".
  virtual void on_unanswered(std::int64_t id, std::string_view why) = 0;
  // The server knows the session no more and did not carry out the request `id`. `current`: it is the session that
  // would be used for the next request too.
  virtual void on_session_lost(std::int64_t id, bool current) = 0;
  // Nothing comes any more.
  virtual void on_closed(std::string_view why) = 0;
};

struct McpOutgoing {
  enum class Kind { initialize, initialized, request, other };
  Kind kind = Kind::other;
  std::string json;
  std::optional<std::int64_t> id{};  // of a request, which wants an answer
};

class McpTransport {
 public:
  virtual ~McpTransport() = default;
  // Connects, where there is a connection; `handler` outlives the transport. Error: why it cannot.
  virtual std::optional<std::string> start(McpTransportHandler& handler) = 0;
  // Never calls the handler before it returns.
  virtual void send(McpOutgoing message) = 0;
  // The request has its answer, or needs none.
  virtual void forget(std::int64_t id) = 0;
  // What initialize agreed on; `listen`: the server may have something to say unasked.
  virtual void agreed(std::string_view revision, bool listen) = 0;
  // An initialize follows that begins another session.
  virtual void forget_session() = 0;
};

}  // namespace aiw
