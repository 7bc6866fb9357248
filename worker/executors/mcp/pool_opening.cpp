#include "worker/executors/mcp/pool_opening.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/executors/late_output.hpp"
#include "worker/executors/mcp/tool_names.hpp"
#include "worker/executors/tool_output.hpp"

namespace aiw {
namespace {

// Limit on servers of one chat, so that it leaves room for others. A quarter of max_servers applies if that is more.
constexpr std::size_t kMaxServersOfChat = 8;

Error unavailable(const std::string& name, std::string_view why) {
  return {.code = error_code::mcp_unavailable,
          .category = Category::tool,
          .message = "the MCP server " + name + " is not available: it " + std::string(why)};
}

}  // namespace

class McpPool::Runner : public ToolRunner {
 public:
  Runner(Clock& clock, std::shared_ptr<Lease> lease, std::string tool)
      : clock_(clock), lease_(std::move(lease)), tool_(std::move(tool)) {}

  std::unique_ptr<ToolRun> run(const ToolInvocation& call, ToolOutputHandler on_output) override {
    const auto session = lease_->session();
    if (session) return session->call(tool_, call.arguments, std::move(on_output));
    return answer_soon(clock_, error_output("the MCP server is gone"), std::move(on_output));
  }

 private:
  Clock& clock_;
  const std::shared_ptr<Lease> lease_;
  const std::string tool_;
};

McpPool::McpOpening::McpOpening(McpPool& pool, const ChatRequest& chat, std::function<void(Result)> on_ready)
    : pool_(pool), chat_(chat), on_ready_(std::move(on_ready)) {
  const McpKeyResolver resolve = pool.services_.key_resolver();
  for (const auto& server : chat.mcp_servers) {
    if (!error_) begin(server, resolve);
  }
  // Results that are already known are reported later, from the loop.
  timer_ = clock().call_at(clock().now(), [this] {
    begun_ = true;
    proceed();
  });
}

void McpPool::McpOpening::begin(const McpServer& wanted, const McpKeyResolver& resolve) {
  const auto definition = pool_.define(wanted, resolve);
  if (!definition) {
    error_ = definition.error();
    return;
  }
  Slot& slot = slots_.emplace_back(Slot{&wanted});
  if (slots_.size() > std::max(kMaxServersOfChat, pool_.options_.max_servers / 4)) {
    return failed(slot, "would be one more than a chat may have");
  }
  const auto server = pool_.server_for(*definition);
  if (!server) return failed(slot, server.error());
  slot.lease = std::make_shared<Lease>(*server);
  if ((*server)->ready()) {
    slot.tools = (*server)->session().tools();
    slot.settled = true;
    return;
  }
  const std::size_t index = slots_.size() - 1;
  slot.wait = (*server)->wait([this, index](Server& told) { settle(index, told); });
}

void McpPool::McpOpening::settle(std::size_t index, Server& server) {
  Slot& slot = slots_[index];
  if (server.session().closed()) {
    failed(slot, server.why_closed());
  } else {
    slot.tools = server.session().tools();
    slot.settled = true;
  }
  if (begun_) proceed();
}

void McpPool::McpOpening::failed(Slot& slot, std::string_view why) {
  slot.settled = true;
  Error error = unavailable(slot.wanted->name, why);
  if (slot.wanted->optional) {
    offered_.notes.push_back({error.code, error.message});
  } else if (!error_) {
    error_ = std::move(error);
  }
}

void McpPool::McpOpening::proceed() {
  if (!error_ && !std::ranges::all_of(slots_, &Slot::settled)) return;
  timer_.reset();
  for (auto& slot : slots_) slot.wait.reset();
  const auto on_ready = std::exchange(on_ready_, nullptr);
  if (!on_ready) return;
  if (error_) return on_ready(std::unexpected(*std::exchange(error_, std::nullopt)));
  offer();
  on_ready(std::move(offered_));  // may destroy this object
}

void McpPool::McpOpening::offer() {
  McpToolNames names;
  for (const auto& tool : chat_.tools) names.reserve(tool.name.text());
  for (auto& slot : slots_) {
    if (slot.tools != nullptr) offer_tools(slot, names);
  }
}

void McpPool::McpOpening::offer_tools(const Slot& slot, McpToolNames& names) {
  const McpServer& wanted = *slot.wanted;
  std::set<std::string_view> known;
  for (const auto& tool : *slot.tools) known.insert(tool.name);
  for (const auto& name : wanted.tools) {
    if (known.contains(name)) continue;
    offered_.notes.push_back(
        {warning_code::mcp_tool_missing, "the MCP server " + wanted.name + " has no tool " + name});
  }
  const std::set<std::string_view> chosen(wanted.tools.begin(), wanted.tools.end());
  for (const auto& tool : *slot.tools) {
    if (!chosen.empty() && !chosen.contains(tool.name)) continue;
    offered_.tools.push_back({.name = names.add(wanted.name, tool.name),
                              .description = tool.description,
                              .input_schema = tool.input_schema,
                              .executor = "mcp",
                              .approval = wanted.approval,
                              .timeout_ms = wanted.timeout_ms,
                              .runner = std::make_shared<Runner>(clock(), slot.lease, tool.name)});
  }
}

}  // namespace aiw
