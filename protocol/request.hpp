// Decoded request lines of a parent.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "protocol/chat.hpp"
#include "protocol/config.hpp"
#include "protocol/error.hpp"

namespace aiw {

struct CancelRequest {
  std::string id;
  std::string chat_id;
};
struct ToolResultRequest {
  std::string id;
  std::string chat_id;
  std::string tool_call_id;
  std::string output_json;  // {type, value}, valid JSON
};
struct ToolApprovalRequest {
  std::string id;
  std::string chat_id;
  std::string tool_call_id;
  bool approved = false;
  std::string reason;
};
struct HealthRequest {
  std::string id;
};
struct ModelsRequest {
  std::string id;
  std::optional<Config> config;
  std::string provider_id;
};
struct ReloadConfigRequest {
  std::string id;
  Config config;
};
struct ShutdownRequest {
  std::string id;
  std::optional<std::int64_t> grace_ms;
};
// A rejected line and the reason. `id` is absent if the line has no readable id.
struct RejectedLine {
  std::optional<std::string> id;
  Error error;
  bool is_chat = false;  // the line was meant as a chat
};

using Request = std::variant<std::unique_ptr<ChatRequest>, CancelRequest, ToolResultRequest, ToolApprovalRequest,
                             HealthRequest, ModelsRequest, ReloadConfigRequest, ShutdownRequest, RejectedLine>;

}  // namespace aiw
