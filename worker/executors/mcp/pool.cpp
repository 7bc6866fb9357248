#include "worker/executors/mcp/pool.hpp"

#include <algorithm>
#include <utility>

#include "protocol/codes.hpp"
#include "protocol/json_pointer.hpp"
#include "worker/executors/mcp/pool_opening.hpp"
#include "worker/executors/mcp/pool_server.hpp"

namespace aiw {
namespace {

constexpr std::chrono::milliseconds kDeleteTimeout{2'000};
constexpr std::chrono::milliseconds kCloseLimit{2'000};
constexpr std::chrono::milliseconds kClosePoll{10};

std::string pointer_to(const McpServer& server, std::string_view member) {
  return "/payload/mcpServers/" + escape_pointer(server.name) + std::string(member);
}

Error refuse(const McpServer& server, std::string code, std::string_view member, std::string_view what) {
  return {.code = std::move(code),
          .category = Category::invalid_request,
          .message = "the MCP server " + server.name + ": " + std::string(what),
          .pointer = pointer_to(server, member)};
}

void add_to_key(std::string& key, std::string_view text) {
  key += std::to_string(text.size());
  key += ':';
  key += text;
}

}  // namespace

// DELETE request that ends an MCP session. No caller waits for the response.
class McpPool::SessionDelete : private HttpHandler {
 public:
  SessionDelete(McpPool& pool, HttpRequest request)
      : pool_(pool),
        timer_(pool.services_.clock.call_at(pool.services_.clock.now() + kDeleteTimeout, [this] { finish(); })),
        transfer_(start(std::move(request))) {}
  [[nodiscard]] bool done() const { return done_; }

 private:
  std::unique_ptr<HttpTransfer> start(HttpRequest request) {
    const MemoryScope scope(nullptr);  // no account to charge: the server is gone
    const HttpLimits limits{.connect_timeout = kDeleteTimeout, .total_timeout = kDeleteTimeout, .max_body_bytes = 0};
    return pool_.services_.http.start(std::move(request), limits, *this);
  }
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

McpPool::McpPool(McpPoolOptions options, McpPoolServices services)
    : options_(std::move(options)), services_(std::move(services)) {}

McpPool::~McpPool() {
  closing_ = true;
  servers_.clear();
  retired_.clear();
}

std::unique_ptr<ToolSource::Opening> McpPool::open(const ChatRequest& chat, std::function<void(Result)> on_ready) {
  if (chat.mcp_servers.empty()) return nullptr;
  return std::make_unique<McpOpening>(*this, chat, std::move(on_ready));
}

std::expected<McpPool::Definition, Error> McpPool::define(const McpServer& server,
                                                          const McpKeyResolver& resolve) const {
  Definition definition{.name = server.name};
  BaseUrl to;
  if (server.url.empty()) {
    if (!options_.allow_commands) {
      return std::unexpected(
          refuse(server, error_code::command_not_allowed, "/command", "this worker starts no commands"));
    }
    definition.command = {server.command, server.args, {}, server.cwd};
  } else {
    const auto url = parse_base_url(server.url);
    if (!url) return std::unexpected(refuse(server, error_code::invalid_request, "/url", url.error()));
    if (!server.headers.empty() && !url->https && !is_loopback(url->host)) {
      return std::unexpected(
          refuse(server, error_code::insecure_url, "/url", "headers may go over http:// only to this machine"));
    }
    to = *url;
    definition.endpoint.url = server.url;
  }
  for (const auto& text : {server.command, server.cwd, server.url}) add_to_key(definition.key, text);
  for (const auto& text : server.args) add_to_key(definition.key, text);
  const bool is_child = server.url.empty();
  const char* const member = is_child ? "/env" : "/headers";
  std::size_t bytes = 0;
  for (const auto& [name, value] : is_child ? server.env : server.headers) {
    auto resolved = resolve(value, to);
    if (!resolved) {
      resolved.error().pointer = pointer_to(server, member);
      return std::unexpected(std::move(resolved).error());
    }
    bytes += name.size() + resolved->text.size();
    if (bytes > kMaxResolvedBytes) {
      return std::unexpected(
          refuse(server, error_code::invalid_request, member, "together they are longer than 256 KiB"));
    }
    definition.key += '|';
    add_to_key(definition.key, name);
    add_to_key(definition.key, resolved->text);
    definition.values.add(resolved->text);
    const bool is_secret = !is_child && names_a_secret(name);
    if (is_secret || !resolved->keys.empty()) definition.keys.add(resolved->text);
    // A chat that gives a key by value may see it in outputs; a chat that gives it by reference may not. So these are
    // two different servers.
    add_to_key(definition.key, std::to_string(resolved->keys.size()));
    for (const auto& key : resolved->keys) {
      add_to_key(definition.key, key);
      definition.values.add(key);
      definition.keys.add(key);
    }
    if (is_child) {
      definition.command.env.emplace_back(name, std::move(resolved->text));
    } else if (!definition.endpoint.headers.set({name, std::move(resolved->text), true})) {
      return std::unexpected(refuse(server, error_code::invalid_request, member, "not a header that HTTP could carry"));
    }
  }
  return definition;
}

std::expected<std::shared_ptr<McpPool::Server>, std::string> McpPool::server_for(const Definition& definition) {
  const auto found = servers_.find(definition.key);
  if (found != servers_.end()) return found->second;
  if (closing_) return std::unexpected("would start while this worker ends");
  // Some retired servers may still be shutting down.
  const bool too_many_children = !definition.command.file.empty() &&
                                 services_.launcher.running() >= options_.max_servers + (options_.max_servers + 1) / 2;
  if (too_many_children || (servers_.size() >= options_.max_servers && !make_room())) {
    return std::unexpected("would be one more than this worker may have at a time");
  }
  auto server = std::make_shared<Server>(*this, definition);
  if (auto why = server->start()) {
    retire(std::move(server));
    return std::unexpected(*std::move(why));
  }
  servers_.emplace(definition.key, server);
  return server;
}

// Retires the server with the longest idle time. Returns false if no server is idle.
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
  if (found == servers_.end() || found->second.get() != &server) return;  // replaced by another server
  auto held = std::move(found->second);
  servers_.erase(found);
  retire(std::move(held));
}

void McpPool::retire(std::shared_ptr<Server> server) {
  retired_.push_back(std::move(server));
  sweep_soon();
}

void McpPool::send_session_delete(HttpRequest request) {
  if (closing_ && !on_closed_) return;  // the loop does not run any more
  deletes_.push_back(std::make_unique<SessionDelete>(*this, std::move(request)));
}

void McpPool::sweep_soon() {
  if (sweep_ != nullptr) return;
  sweep_ = services_.clock.call_at(services_.clock.now(), [this] {
    sweep_.reset();
    retired_.clear();
    std::erase_if(deletes_, [](const auto& delete_session) { return delete_session->done(); });
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
  const bool gone = retired_.empty() && deletes_.empty() && services_.launcher.running() == 0;
  if (gone || services_.clock.now() >= close_end_) {
    const auto on_closed = std::exchange(on_closed_, nullptr);
    return on_closed();
  }
  close_timer_ = services_.clock.call_at(services_.clock.now() + kClosePoll, [this] { poll_closing(); });
}

}  // namespace aiw
