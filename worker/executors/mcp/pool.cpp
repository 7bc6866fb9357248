#include "worker/executors/mcp/pool.hpp"

#include <algorithm>
#include <utility>

#include "worker/base/url.hpp"
#include "worker/executors/mcp/http_transport.hpp"
#include "worker/executors/mcp/session.hpp"
#include "worker/executors/mcp/stdio_transport.hpp"
#include "worker/executors/mcp/tool_names.hpp"
#include "worker/executors/tool_output.hpp"

namespace aiw {
namespace {

constexpr std::chrono::milliseconds kFarewellLimit{2'000};
constexpr std::chrono::milliseconds kCloseLimit{2'000};
constexpr std::chrono::milliseconds kClosePoll{10};
constexpr std::size_t kMinSecretBytes = 6;  // shorter values are words, not keys

std::string pointer_to(const McpServer& server, std::string_view member) {
  std::string pointer = "/payload/mcpServers/";
  for (const char c : server.name) {
    if (c == '~' || c == '/') {  // RFC 6901, 3
      pointer += c == '~' ? "~0" : "~1";
    } else {
      pointer += c;
    }
  }
  return pointer + std::string(member);
}

Error refuse(const McpServer& server, std::string code, std::string_view member, std::string_view what) {
  return {.code = std::move(code),
          .category = Category::invalid_request,
          .message = "the MCP server " + server.name + ": " + std::string(what),
          .pointer = pointer_to(server, member)};
}

Error unavailable(const std::string& name, std::string_view why) {
  return {.code = "mcp_unavailable",
          .category = Category::tool,
          .message = "the MCP server " + name + " is not available: it " + std::string(why)};
}

void add_to_key(std::string& key, std::string_view text) {
  key += std::to_string(text.size());
  key += ':';
  key += text;
}

std::string without(std::string text, const std::vector<std::string>& secrets) {
  for (const auto& secret : secrets) {
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
      text.replace(at, secret.size(), "[redacted]");
    }
  }
  return text;
}

}  // namespace

// A server with its references resolved.
struct McpPool::Definition {
  std::string name;  // of the first chat that named it: for the log
  std::string key{};
  ChildCommand command{};
  McpEndpoint endpoint{};  // url empty: a child
  std::vector<std::string> secrets{};
};

// The DELETE of a session that nobody waits for.
class McpPool::Farewell : private HttpHandler {
 public:
  Farewell(McpPool& pool, HttpRequest request)
      : pool_(pool),
        timer_(pool.services_.clock.call_at(pool.services_.clock.now() + kFarewellLimit, [this] { finish(); })),
        transfer_(pool.services_.http.start(std::move(request), {.connect_timeout = kFarewellLimit}, *this)) {}
  [[nodiscard]] bool done() const { return done_; }

 private:
  void on_head(const ResponseHead&) override { finish(); }
  void on_body(std::string_view) override {}
  void on_end(const Error*) override { finish(); }
  void finish() {
    done_ = true;
    pool_.sweep_soon();
  }

  McpPool& pool_;
  bool done_ = false;
  std::unique_ptr<Timer> timer_;
  std::unique_ptr<HttpTransfer> transfer_;
};

// One server, who waits for it and how many use it.
class McpPool::Server : public std::enable_shared_from_this<Server> {
 public:
  using Waiter = std::function<void(Server& server)>;

  Server(McpPool& pool, Definition definition)
      : pool_(pool), clock_(pool.services_.clock), definition_(std::move(definition)) {}

  // Error: why it does not start.
  std::optional<std::string> start() {
    const auto& services = pool_.services_;
    const McpLog to_log = [self = weak_from_this()](McpLogLevel level, std::string_view event, std::string_view text) {
      if (const auto server = self.lock()) server->log(level, event, text);
    };
    std::unique_ptr<McpTransport> transport;
    if (definition_.endpoint.url.empty()) {
      transport = make_stdio_transport(clock_, services.launcher, definition_.command, to_log);
    } else {
      transport = make_http_transport(clock_, services.http, definition_.endpoint, to_log,
                                      [pool = &pool_](HttpRequest request) { pool->say_farewell(std::move(request)); });
    }
    McpSessionEvents events;
    events.on_listed = [this] { tell_waiters(); };
    events.on_closed = [this](std::string_view why) { closed(why); };
    session_ = std::make_shared<McpSession>(
        clock_, std::move(transport), McpSessionOptions{pool_.options_.client_version, pool_.options_.connect_limit},
        to_log, std::move(events));
    log(McpLogLevel::debug, "starts", {});
    return session_->start();
  }

  // Calls once when the tools are known as they are now, or the server is gone; the return value takes that back.
  std::shared_ptr<void> wait(Waiter waiter) {
    auto held = std::make_shared<Waiter>(std::move(waiter));
    waiters_.push_back(held);
    return held;
  }
  [[nodiscard]] bool ready() const { return session_->tools() != nullptr && !session_->stale() && !session_->closed(); }
  [[nodiscard]] McpSession& session() const { return *session_; }
  [[nodiscard]] const std::shared_ptr<McpSession>& shared_session() const { return session_; }
  [[nodiscard]] const std::string& why_closed() const { return why_closed_; }
  [[nodiscard]] bool idle() const { return users_ == 0; }
  [[nodiscard]] Instant idle_since() const { return idle_since_; }

  [[nodiscard]] const std::string& key() const { return definition_.key; }

  void use() {
    ++users_;
    idle_timer_.reset();
  }
  void release() {
    if (--users_ > 0) return;
    idle_since_ = clock_.now();
    idle_timer_ = clock_.call_at(idle_since_ + pool_.options_.idle_limit, [this] {
      log(McpLogLevel::debug, "is idle and ends", {});
      pool_.remove(*this);
    });
  }

  void log(McpLogLevel level, std::string_view event, std::string_view text) const {
    pool_.services_.log(level, definition_.name, event, without(std::string(text), definition_.secrets));
  }

 private:
  void tell_waiters() {
    const auto self = shared_from_this();
    for (auto& waiter : std::exchange(waiters_, {})) {
      if (const auto held = waiter.lock()) (*held)(*this);
    }
  }
  void closed(std::string_view why) {
    why_closed_ = without(std::string(why), definition_.secrets);
    log(McpLogLevel::info, "is gone", why_closed_);
    idle_timer_.reset();
    pool_.remove(*this);
    tell_waiters();
  }

  McpPool& pool_;
  Clock& clock_;
  const Definition definition_;
  std::string why_closed_;
  std::size_t users_ = 0;
  Instant idle_since_{};
  std::unique_ptr<Timer> idle_timer_;
  std::vector<std::weak_ptr<Waiter>> waiters_;
  std::shared_ptr<McpSession> session_;
};

// A chat's use of a server.
class McpPool::Lease {
 public:
  explicit Lease(const std::shared_ptr<Server>& server) : server_(server), session_(server->shared_session()) {
    server->use();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    if (const auto server = server_.lock()) server->release();
  }
  [[nodiscard]] std::shared_ptr<McpSession> session() const { return session_.lock(); }

 private:
  std::weak_ptr<Server> server_;
  std::weak_ptr<McpSession> session_;
};

class McpPool::Runner : public ToolRunner {
 public:
  Runner(Clock& clock, std::shared_ptr<Lease> lease, std::string tool)
      : clock_(clock), lease_(std::move(lease)), tool_(std::move(tool)) {}

  std::unique_ptr<ToolRun> run(const ToolInvocation& call, ToolOutputHandler on_output) override {
    if (const auto session = lease_->session()) return session->call(tool_, call.arguments, std::move(on_output));
    return std::make_unique<Gone>(clock_, std::move(on_output));
  }

 private:
  class Gone : public ToolRun {
   public:
    Gone(Clock& clock, ToolOutputHandler on_output)
        : timer_(clock.call_at(
              clock.now(), [on_output = std::move(on_output)] { on_output(error_output("the MCP server is gone")); })) {
    }

   private:
    std::unique_ptr<Timer> timer_;
  };

  Clock& clock_;
  const std::shared_ptr<Lease> lease_;
  const std::string tool_;
};

// What a chat waits for.
class McpPool::McpOpening : public Opening {
 public:
  McpOpening(McpPool& pool, const ChatRequest& chat, std::function<void(Result)> on_ready)
      : pool_(pool), chat_(chat), on_ready_(std::move(on_ready)) {
    for (const auto& server : chat.mcp_servers) {
      if (!error_) begin(server);
    }
    // Whatever is known already is told later, from the loop.
    timer_ = clock().call_at(clock().now(), [this] {
      begun_ = true;
      proceed();
    });
  }

 private:
  struct Slot {
    const McpServer* wanted = nullptr;
    std::shared_ptr<Lease> lease{};
    std::shared_ptr<void> wait{};
    McpSession::Tools tools{};  // nullptr: the server is not available
    bool settled = false;
  };
  [[nodiscard]] Clock& clock() const { return pool_.services_.clock; }

  void begin(const McpServer& wanted) {
    const auto definition = pool_.define(wanted);
    if (!definition) {
      error_ = definition.error();
      return;
    }
    Slot& slot = slots_.emplace_back(Slot{&wanted});
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

  void settle(std::size_t index, Server& server) {
    Slot& slot = slots_[index];
    if (server.session().closed()) {
      failed(slot, server.why_closed());
    } else {
      slot.tools = server.session().tools();
      slot.settled = true;
    }
    if (begun_) proceed();
  }

  void failed(Slot& slot, std::string_view why) {
    slot.settled = true;
    Error error = unavailable(slot.wanted->name, why);
    if (slot.wanted->optional) {
      offered_.notes.push_back({error.code, error.message});
    } else if (!error_) {
      error_ = std::move(error);
    }
  }

  void proceed() {
    if (!error_ && !std::ranges::all_of(slots_, &Slot::settled)) return;
    timer_.reset();
    for (auto& slot : slots_) slot.wait.reset();
    const auto on_ready = std::exchange(on_ready_, nullptr);
    if (!on_ready) return;
    if (error_) return on_ready(std::unexpected(*std::exchange(error_, std::nullopt)));
    offer();
    on_ready(std::move(offered_));  // may destroy this
  }

  void offer() {
    McpToolNames names;
    for (const auto& tool : chat_.tools) names.reserve(tool.name.text());
    for (auto& slot : slots_) {
      if (slot.tools != nullptr) offer_tools(slot, names);
    }
  }

  void offer_tools(const Slot& slot, McpToolNames& names) {
    const McpServer& wanted = *slot.wanted;
    for (const auto& name : wanted.tools) {
      if (std::ranges::find(*slot.tools, name, &McpTool::name) != slot.tools->end()) continue;
      offered_.notes.push_back({"mcp_tool_missing", "the MCP server " + wanted.name + " has no tool " + name});
    }
    for (const auto& tool : *slot.tools) {
      if (!wanted.tools.empty() && std::ranges::find(wanted.tools, tool.name) == wanted.tools.end()) continue;
      offered_.tools.push_back({.name = names.add(wanted.name, tool.name),
                                .description = tool.description,
                                .input_schema = tool.input_schema,
                                .executor = "mcp",
                                .approval = wanted.approval,
                                .timeout_ms = wanted.timeout_ms,
                                .runner = std::make_shared<Runner>(clock(), slot.lease, tool.name)});
    }
  }

  McpPool& pool_;
  const ChatRequest& chat_;
  std::function<void(Result)> on_ready_;
  std::vector<Slot> slots_;
  OfferedTools offered_;
  std::optional<Error> error_;
  bool begun_ = false;
  std::unique_ptr<Timer> timer_;
};

McpPool::McpPool(McpPoolOptions options, McpPoolServices services)
    : options_(std::move(options)), services_(std::move(services)) {}

McpPool::~McpPool() {
  closing_ = true;
  servers_.clear();
  buried_.clear();
}

std::unique_ptr<ToolSource::Opening> McpPool::open(const ChatRequest& chat, std::function<void(Result)> on_ready) {
  if (chat.mcp_servers.empty()) return nullptr;
  return std::make_unique<McpOpening>(*this, chat, std::move(on_ready));
}

std::expected<McpPool::Definition, Error> McpPool::define(const McpServer& server) const {
  Definition definition{.name = server.name};
  std::string host;
  if (server.url.empty()) {
    if (!options_.allow_commands) {
      return std::unexpected(refuse(server, "command_not_allowed", "/command", "this worker starts no commands"));
    }
    definition.command = {server.command, server.args, {}, server.cwd};
  } else {
    const auto url = parse_base_url(server.url);
    if (!url) return std::unexpected(refuse(server, "invalid_request", "/url", url.error()));
    if (!server.headers.empty() && !url->https && !is_loopback(url->host)) {
      return std::unexpected(
          refuse(server, "insecure_url", "/url", "headers may go over http:// only to this machine"));
    }
    host = url->host;
    definition.endpoint.url = server.url;
  }
  for (const auto& text : {server.command, server.cwd, server.url}) add_to_key(definition.key, text);
  for (const auto& text : server.args) add_to_key(definition.key, text);
  const auto& pairs = server.url.empty() ? server.env : server.headers;
  for (const auto& [name, value] : pairs) {
    auto resolved = services_.resolve(value, host);
    if (!resolved) {
      resolved.error().pointer = pointer_to(server, host.empty() ? "/env" : "/headers");
      return std::unexpected(std::move(resolved).error());
    }
    if (!host.empty() && !valid_header(name, *resolved)) {
      return std::unexpected(refuse(server, "invalid_request", "/headers", "not a header that HTTP could carry"));
    }
    definition.key += '|';
    add_to_key(definition.key, name);
    add_to_key(definition.key, *resolved);
    if (resolved->size() >= kMinSecretBytes) definition.secrets.push_back(*resolved);
    if (host.empty()) {
      definition.command.env.emplace_back(name, *std::move(resolved));
    } else {
      definition.endpoint.headers.push_back({name, *std::move(resolved), true});
    }
  }
  return definition;
}

std::expected<std::shared_ptr<McpPool::Server>, std::string> McpPool::server_for(const Definition& definition) {
  const auto found = servers_.find(definition.key);
  if (found != servers_.end()) return found->second;
  if (closing_) return std::unexpected("would start while this worker ends");
  if (servers_.size() >= options_.max_servers && !make_room()) {
    return std::unexpected("would be one more than this worker may have at a time");
  }
  auto server = std::make_shared<Server>(*this, definition);
  if (auto why = server->start()) {
    bury(std::move(server));
    return std::unexpected(*std::move(why));
  }
  servers_.emplace(definition.key, server);
  return server;
}

// Ends the server that has been idle for the longest time.
bool McpPool::make_room() {
  const Server* oldest = nullptr;
  for (const auto& [key, server] : servers_) {
    const bool older = oldest == nullptr || server->idle_since() < oldest->idle_since();
    if (server->idle() && older) oldest = server.get();
  }
  if (oldest == nullptr) return false;
  remove(*oldest);
  return true;
}

void McpPool::remove(const Server& server) {
  const auto found = servers_.find(server.key());
  if (found == servers_.end() || found->second.get() != &server) return;  // another one has taken its place
  auto held = std::move(found->second);
  servers_.erase(found);
  bury(std::move(held));
}

void McpPool::bury(std::shared_ptr<Server> server) {
  buried_.push_back(std::move(server));
  sweep_soon();
}

void McpPool::say_farewell(HttpRequest request) {
  if (closing_ && !on_closed_) return;  // no loop runs any more
  farewells_.push_back(std::make_unique<Farewell>(*this, std::move(request)));
}

void McpPool::sweep_soon() {
  if (sweep_ != nullptr) return;
  sweep_ = services_.clock.call_at(services_.clock.now(), [this] {
    sweep_.reset();
    buried_.clear();
    std::erase_if(farewells_, [](const auto& farewell) { return farewell->done(); });
  });
}

void McpPool::close(std::function<void()> on_closed) {
  closing_ = true;
  on_closed_ = std::move(on_closed);
  close_end_ = services_.clock.now() + kCloseLimit;
  while (!servers_.empty()) remove(*servers_.begin()->second);
  poll_closing();
}

void McpPool::poll_closing() {
  const bool gone = buried_.empty() && farewells_.empty() && services_.launcher.running() == 0;
  if (gone || services_.clock.now() >= close_end_) {
    const auto on_closed = std::exchange(on_closed_, nullptr);
    return on_closed();
  }
  close_timer_ = services_.clock.call_at(services_.clock.now() + kClosePoll, [this] { poll_closing(); });
}

}  // namespace aiw
