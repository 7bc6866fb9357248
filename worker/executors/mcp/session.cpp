#include "worker/executors/mcp/session.hpp"

#include <utility>

#include "worker/executors/late_output.hpp"
#include "worker/executors/mcp/tool_result.hpp"
#include "worker/executors/tool_output.hpp"

namespace aiw {
namespace {

// Limits on a tool list. Honest servers stay below; a list without an end stops here.
constexpr std::size_t kMaxPages = 200;
constexpr std::size_t kMaxTools = 4000;
constexpr std::size_t kMaxListBytes = 16 << 20;
// Minimum time between two listings, for a server that sends list_changed continuously.
constexpr std::chrono::milliseconds kRelistInterval{250};
constexpr int kMaxGarbage = 100;
constexpr std::size_t kMaxErrorTextBytes = 4096;  // limit on the server's error message
constexpr std::int64_t kMethodNotFound = -32601;  // JSON-RPC 2.0, 5.1

// Maps the levels of RFC 5424 (2025-11-25, server/utilities/logging).
McpLogLevel level_of(std::string_view level) {
  if (level == "debug" || level == "info") return McpLogLevel::debug;
  if (level == "notice") return McpLogLevel::info;
  if (level == "warning") return McpLogLevel::warn;
  return McpLogLevel::error;
}

}  // namespace

// Handle of a tools/call. If destroyed before the response, it sends notifications/cancelled.
class McpSession::Run : public ToolRun {
 public:
  Run(std::weak_ptr<McpSession> session, std::int64_t id) : session_(std::move(session)), id_(id) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() override {
    if (const auto session = session_.lock()) session->cancel_request(id_);
  }

 private:
  std::weak_ptr<McpSession> session_;
  const std::int64_t id_;
};

McpSession::McpSession(Clock& clock, std::unique_ptr<McpTransport> transport, McpSessionOptions options, McpLog log,
                       McpSessionEvents events)
    : account_(MemoryAccount::current()),
      clock_(clock),
      options_(std::move(options)),
      log_(std::move(log)),
      events_(std::move(events)),
      transport_(std::move(transport)) {}

McpSession::~McpSession() = default;

std::optional<std::string> McpSession::start() {
  if (auto why = transport_->start(*this)) return why;
  initialize();
  return std::nullopt;
}

std::unique_ptr<ToolRun> McpSession::call(std::string_view tool, std::string_view arguments,
                                          ToolOutputHandler on_output) {
  const MemoryScope scope(account_);
  if (closed_) {
    return answer_soon(clock_, error_output("the MCP server " + why_closed_), std::move(on_output));
  }
  const auto id =
      request(Pending::Kind::call, "tools/call", call_params(tool, arguments, last_id_ + 1), std::move(on_output));
  return std::make_unique<Run>(weak_from_this(), id);
}

void McpSession::initialize() {
  phase_ = Phase::initializing;
  limit_time();
  request(Pending::Kind::initialize, "initialize", initialize_params(options_.client_version), nullptr);
}

void McpSession::limit_time() {
  if (options_.connect_limit.count() == 0) return;
  limit_ = clock_.call_at(clock_.now() + options_.connect_limit, [this] { time_is_up(); });
}

void McpSession::time_is_up() {
  if (tools_ == nullptr || phase_ != Phase::running) {
    return close("was not ready within " + std::to_string(options_.connect_limit.count()) + " ms");
  }
  for (auto next = pending_.begin(); next != pending_.end();) {
    const auto request = next++;
    if (request->second.kind == Pending::Kind::list) cancel_request(request->first);
  }
  keep_old_tools("the time is up");
}

std::int64_t McpSession::request(Pending::Kind kind, std::string_view method, std::string_view params,
                                 ToolOutputHandler on_output) {
  const std::int64_t id = ++last_id_;
  Pending& pending = pending_[id];
  pending.kind = kind;
  pending.json = rpc_request(id, method, params);
  pending.on_output = std::move(on_output);
  if (phase_ == Phase::running || kind == Pending::Kind::initialize) {
    transmit(id, pending);
  } else {
    held_.push_back(id);
  }
  return id;
}

void McpSession::transmit(std::int64_t id, const Pending& pending) {
  const bool initialize = pending.kind == Pending::Kind::initialize;
  transport_->send({initialize ? McpOutgoing::Kind::initialize : McpOutgoing::Kind::request, pending.json, id});
}

void McpSession::cancel_request(std::int64_t id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  pending_.erase(found);
  if (closed_ || std::erase(held_, id) > 0) return;
  transport_->send({McpOutgoing::Kind::other, rpc_notification("notifications/cancelled", cancelled_params(id))});
  transport_->forget(id);
}

void McpSession::on_message(std::string text) {
  const auto self = shared_from_this();
  if (closed_) return;
  const auto messages = read_rpc(text);
  if (!messages) return refuse_text(text, messages.error());
  for (const auto& message : *messages) {
    if (!closed_) handle(message);
  }
}

// An unreadable response fails its request. Some programs print a greeting to stdout, so a limited number of invalid
// texts is tolerated.
void McpSession::refuse_text(std::string_view text, std::string_view why) {
  bool ended = false;
  for (const auto id : find_answered(text)) {
    if (!pending_.contains(id)) continue;
    ended = true;
    transport_->forget(id);
    on_unanswered(id, "sent a response that cannot be read: " + std::string(why));
  }
  if (ended || closed_) return;
  log_(McpLogLevel::debug, "not a message", why);
  if (++invalid_messages_ > kMaxGarbage) close("sent too much that is not a message");
}

void McpSession::handle(const RpcMessage& message) {
  if (message.kind == RpcMessage::Kind::request) return answer_request(message);
  if (message.kind == RpcMessage::Kind::notification) return notified(message);
  const auto found = message.answers ? pending_.find(*message.answers) : pending_.end();
  if (found == pending_.end()) return log_(McpLogLevel::debug, "an answer to no request", {});
  Pending pending = std::move(found->second);
  pending_.erase(found);
  transport_->forget(*message.answers);
  answered(std::move(pending), message);
}

// We declare no client capability, so the only request that a server may send is ping.
void McpSession::answer_request(const RpcMessage& request) {
  const bool ping = request.method == "ping";
  if (!ping) log_(McpLogLevel::debug, "a request that is not supported", request.method);
  transport_->send({McpOutgoing::Kind::other,
                    ping ? rpc_result(request.id, "{}") : rpc_error(request.id, kMethodNotFound, "not supported")});
}

void McpSession::notified(const RpcMessage& notification) {
  if (notification.method == "notifications/tools/list_changed") return relist_soon();
  if (notification.method == "notifications/progress") {
    return log_(McpLogLevel::debug, "progress", notification.body.json);
  }
  if (notification.method != "notifications/message") return;
  McpLogLevel level = McpLogLevel::debug;
  std::string_view data;
  JsonReader in = reader_of(notification.body);
  if (notification.body.is_object()) {
    in.object([&](std::string_view key) {
      if (key == "level" && in.type() == JsonType::string) {
        level = level_of(in.string());
      } else if (key == "data") {
        data = in.value().json;
      } else {
        in.skip();
      }
    });
  }
  log_(level, "says", data);
}

std::string McpSession::error_text(const RpcMessage& answer) const {
  std::string text = "the MCP server answered with error " + std::to_string(answer.error_code);
  if (answer.error_message.empty()) return text;
  // The cut may split a character.
  return text + ": " + sanitize_utf8(options_.keys.remove_from_beginning(answer.error_message, kMaxErrorTextBytes));
}

void McpSession::answered(Pending pending, const RpcMessage& answer) {
  if (pending.kind == Pending::Kind::initialize) return initialized(answer);
  if (pending.kind == Pending::Kind::list) return listed(answer);
  const bool failed = answer.kind == RpcMessage::Kind::error;
  pending.on_output(failed ? error_output(error_text(answer))
                           : options_.keys.remove_from_output(tool_output_of(answer.body)));
}

void McpSession::initialized(const RpcMessage& answer) {
  if (answer.kind == RpcMessage::Kind::error) return close("refused to initialize: " + error_text(answer));
  const auto agreed = read_initialize_result(answer.body);
  if (!agreed) return close("cannot be used: " + agreed.error());
  transport_->agreed(agreed->revision, agreed->sends_notifications);
  phase_ = Phase::running;
  transport_->send({McpOutgoing::Kind::initialized, rpc_notification("notifications/initialized", {})});
  const auto held = std::exchange(held_, {});
  for (const auto id : held) {
    const auto found = pending_.find(id);
    if (found != pending_.end()) transmit(id, found->second);
  }
  if (tools_ == nullptr && listing_ == nullptr) return relist();
  relist_soon();  // the server may now run another version
}

void McpSession::relist_soon() {
  if (tools_ == nullptr && listing_ == nullptr) return;  // the first list is still pending
  relist_ = true;
  if (relist_timer_ != nullptr || listing_ != nullptr) return;
  relist_timer_ = clock_.call_at(clock_.now(), [this] {
    relist_timer_.reset();
    relist();
  });
}

void McpSession::relist() {
  if (closed_ || listing_ != nullptr) return;
  relist_ = false;
  listing_ = std::make_unique<Listing>();
  if (limit_ == nullptr) limit_time();
  list_page({});
}

void McpSession::list_page(std::string_view cursor) {
  request(Pending::Kind::list, "tools/list", list_params(cursor), nullptr);
}

void McpSession::listed(const RpcMessage& answer) {
  if (answer.kind == RpcMessage::Kind::error && tools_ == nullptr && answer.error_code == kMethodNotFound) {
    return finish_listing();  // the server does not support tools
  }
  auto page = answer.kind == RpcMessage::Kind::error ? std::unexpected(error_text(answer))
                                                     : read_tool_page(answer.body, options_.keys);
  std::optional<std::string> next;
  if (page) {
    next = add_page(*std::move(page), answer.body.json.size());
    const bool too_long =
        ++listing_->pages > kMaxPages || listing_->tools.size() > kMaxTools || listing_->bytes > kMaxListBytes;
    if (too_long) page = std::unexpected("its tool list does not end");
  }
  if (page && next) return list_page(*next);
  if (page) return finish_listing();
  if (tools_ == nullptr) return close("did not list its tools: " + page.error());
  keep_old_tools(page.error());
}

// Returns the next cursor. Returns nothing at the end of the list, or if the server repeats the same pages.
std::optional<std::string> McpSession::add_page(McpToolPage page, std::size_t bytes) {
  listing_->bytes += bytes;
  bool advances = page.tools.empty();
  for (auto& tool : page.tools) {
    if (!listing_->names.insert(tool.name).second) continue;
    advances = true;
    listing_->tools.push_back(std::move(tool));
  }
  if (page.next_cursor.empty()) return std::nullopt;
  if (advances && listing_->cursors.insert(page.next_cursor).second) return std::move(page.next_cursor);
  log_(McpLogLevel::warn, "the tool list's cursor does not advance: the tools so far are used", {});
  return std::nullopt;
}

void McpSession::keep_old_tools(std::string_view why) {
  if (listing_ == nullptr) return;
  log_(McpLogLevel::warn, "the tools could not be listed again", why);
  listing_->tools = *tools_;
  finish_listing();
}

void McpSession::finish_listing() {
  limit_.reset();
  tools_ = std::make_shared<const std::vector<McpTool>>(std::move(listing_->tools));
  listing_.reset();
  if (relist_) {
    relist_timer_ = clock_.call_at(clock_.now() + kRelistInterval, [this] {
      relist_timer_.reset();
      relist();
    });
  }
  events_.on_listed();
}

void McpSession::on_unanswered(std::int64_t id, std::string_view why) {
  const auto self = shared_from_this();
  const auto found = pending_.find(id);
  if (closed_ || found == pending_.end()) return;
  Pending pending = std::move(found->second);
  pending_.erase(found);
  if (pending.kind == Pending::Kind::call) return pending.on_output(error_output("the MCP server " + std::string(why)));
  if (pending.kind == Pending::Kind::initialize || tools_ == nullptr) return close(std::string(why));
  keep_old_tools(why);
}

void McpSession::on_session_lost(std::int64_t id, bool current) {
  const auto self = shared_from_this();
  const auto found = pending_.find(id);
  if (closed_ || found == pending_.end()) return;
  if (std::exchange(found->second.resent, true)) return on_unanswered(id, "lost the session twice");
  if (!current && phase_ == Phase::running) return transmit(id, found->second);
  held_.push_back(id);
  if (phase_ != Phase::running) return;
  log_(McpLogLevel::info, "the session was lost and is begun anew", {});
  transport_->forget_session();
  initialize();
}

void McpSession::on_closed(std::string_view why) {
  const auto self = shared_from_this();
  close(std::string(why));
}

void McpSession::close(std::string why) {
  if (std::exchange(closed_, true)) return;
  const auto self = weak_from_this().lock();
  why_closed_ = std::move(why);
  limit_.reset();
  relist_timer_.reset();
  for (const auto& [id, request] : pending_) transport_->forget(id);
  const std::string output = error_output("the MCP server " + why_closed_);
  while (!pending_.empty()) {  // a handler may cancel other calls
    const auto handler = std::move(pending_.begin()->second.on_output);
    pending_.erase(pending_.begin());
    if (handler) handler(output);
  }
  events_.on_closed(why_closed_);
}

}  // namespace aiw
