// Opening of a chat's MCP servers: waits until their tools are known. Internal to the pool.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "worker/executors/mcp/pool_server.hpp"

namespace aiw {

class McpToolNames;

class McpPool::McpOpening : public Opening {
 public:
  McpOpening(McpPool& pool, const ChatRequest& chat, std::function<void(Result)> on_ready);

 private:
  struct Slot {
    const McpServer* wanted = nullptr;
    std::shared_ptr<Lease> lease{};
    std::shared_ptr<void> wait{};
    McpSession::Tools tools{};  // nullptr if the server is not available
    bool settled = false;
  };
  [[nodiscard]] Clock& clock() const { return pool_.services_.clock; }

  void begin(const McpServer& wanted, const McpKeyResolver& resolve);
  void settle(std::size_t index, Server& server);
  void failed(Slot& slot, std::string_view why);
  void proceed();
  void offer();
  void offer_tools(const Slot& slot, McpToolNames& names);

  McpPool& pool_;
  const ChatRequest& chat_;
  std::function<void(Result)> on_ready_;
  std::vector<Slot> slots_;
  OfferedTools offered_;
  std::optional<Error> error_;
  bool begun_ = false;
  std::unique_ptr<Timer> timer_;
};

}  // namespace aiw
