#include "worker/worker.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <new>
#include <system_error>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/agent/mcp_keys.hpp"
#include "worker/emergency_memory.hpp"
#include "worker/exit_codes.hpp"
#include "worker/http/curl_client.hpp"
#include "worker/http/libcurl.hpp"
#include "worker/io/log.hpp"
#include "worker/process/loop_child_launcher.hpp"
#include "worker/process/sandbox.hpp"

namespace aiw {
namespace {

// Unread output at which the worker stops reading lines (back-pressure).
constexpr std::size_t kMaxUnreadAnswers = 1 << 20;
// Extra time after a signal's --drain-ms, for the last frames and the MCP servers. Restarts at each progress of the
// reader. With the default --drain-ms, a worker with a stopped reader exits before the 30 s that service managers
// commonly allow.
constexpr std::chrono::seconds kDrainRest{4};

Options within_descriptors(Options options) {
  const auto shares =
      share_descriptors(descriptor_limit(), options.server.admission.max_in_flight, options.mcp.max_servers);
  options.server.admission.max_in_flight = shares.chats;
  options.mcp.max_servers = shares.servers;
  options.http.max_connections = shares.connections;
  options.http.max_shared_connections = shares.shared_connections;
  options.http.max_lookups = shares.lookups;
  return options;
}

ServerOptions server_options(const Options& given, std::size_t memory_limit) {
  ServerOptions options = given.server;
  if (memory_limit > 0) options.max_held_bytes = std::min(options.max_held_bytes, memory_limit / 8);
  options.system_prompt = RawString{given.system_prompt};
  return options;
}

// leanspec-http stops reading while one browser does, and never restarts a worker.
std::chrono::milliseconds stall_timeout(const Options& options) {
  constexpr std::int64_t kUsual = 300'000;
  return std::chrono::milliseconds(options.stdout_stall_ms.value_or(options.dialect == Dialect::leanspec ? 0 : kUsual));
}

KeyPolicy make_key_policy(const Options& options) {
  KeyPolicy policy = system_key_policy(key_folders(options.allow_file));
  policy.trust_config = options.dialect == Dialect::leanspec;
  policy.allowed_variables.insert(options.allow_env.begin(), options.allow_env.end());
  policy.allowed_hosts.insert(options.allow_host.begin(), options.allow_host.end());
  return policy;
}

std::string reason_of(int error) { return std::generic_category().message(error); }

LogLevel log_level_of(McpLogLevel level) {
  switch (level) {
    case McpLogLevel::debug: return LogLevel::debug;
    case McpLogLevel::info: return LogLevel::info;
    case McpLogLevel::warn: return LogLevel::warn;
    case McpLogLevel::error: return LogLevel::error;
  }
  return LogLevel::error;
}

}  // namespace

Worker::Worker(const Options& options)
    : options_(within_descriptors(options)),
      encoder_(make_encoder(options.dialect)),
      keys_(make_key_policy(options)),
      random_(std::random_device{}()),
      memory_limit_(options.max_memory > 0 ? options.max_memory : memory_limit()),
      memory_(memory_limit_),
      accounts_({.limit = memory_limit_,
                 .resident = [this] { return memory_.measure(); },
                 .post = [this](std::function<void()> action) { loop_.post_at_once(std::move(action)); }}),
      http_(make_curl_client(loop_, options_.http)) {
  StdoutHandlers writing;
  writing.on_relieved = [this] { output_relieved(); };
  writing.on_progress = [this](std::size_t bytes) { server_->output_progressed(bytes); };
  writing.on_broken = [this](int error) { output_broken(error); };
  const StdoutOptions limits{.stall_timeout = stall_timeout(options)};
  output_ = std::make_unique<StdoutWriter>(loop_, STDOUT_FILENO, limits, std::move(writing));

  make_mcp_pool();

  ServerServices services{
      .clock = loop_,
      .http = *http_,
      .memory = accounts_,
      .output = *output_,
      .encoder = *encoder_,
      .keys = keys_,
      .random = [this] { return std::uniform_real_distribution<double>(0, 1)(random_); },
      .post = [this](std::function<void()> action) { loop_.post(std::move(action)); },
      .tool_sources = {mcp_.get()},
      .memory_short = [this] { return memory_.is_short(); },
      .on_unanswered =
          [](const Error& error) {
            log(LogLevel::error, "a line was refused", {{"code", error.code}, {"reason", error.message}});
          },
  };
  if (options.dialect == Dialect::leanspec) {
    leanspec_.emplace(*http_, loop_, accounts_, [](std::string_view what) { log(LogLevel::warn, what, {}); });
    services.tool_sources.push_back(&leanspec_->tools());
    services.parent_sessions = &leanspec_->sessions();
  }
  server_ = std::make_unique<Server>(server_options(options_, memory_limit_), services);
}

void Worker::make_mcp_pool() {
  launcher_ = make_child_launcher(loop_, {.start_host = options_.sandbox && options_.mcp.allow_commands});
  McpPoolServices services{
      .clock = loop_,
      .http = *http_,
      .memory = accounts_,
      .launcher = *launcher_,
      .key_resolver = [this]() -> McpKeyResolver {
        return [keys = for_request(keys_)](std::string_view value, const BaseUrl& to) {
          return resolve_mcp_value(value, to, keys);
        };
      },
      .log_enabled = [](McpLogLevel level) { return log_enabled(log_level_of(level)); },
      .log =
          [](McpLogLevel level, std::string_view server, std::string_view event, std::string_view text) {
            log(log_level_of(level), "mcp server", {{"server", server}, {"event", event}, {"text", text}});
          },
  };
  mcp_ = std::make_unique<McpPool>(options_.mcp, std::move(services));
}

// Destroys the server's chats before the services they use.
Worker::~Worker() {
  inbox_.reset();
  server_.reset();
}

// Enters the sandbox before the first thread and the first line. Libraries needed later can still be loaded from the
// system's folders.
void Worker::close_sandbox() const {
  load_libcurl();
  std::vector<std::string> readable = key_folders(options_.allow_file);
  for (const auto* file : {&options_.http.ca_file, &options_.http.client_cert, &options_.http.client_key}) {
    if (!file->empty()) readable.push_back(*file);
  }
  const std::string missing = enter_sandbox(readable);
  if (missing.empty()) return log(LogLevel::info, "the sandbox is closed", {});
  log(LogLevel::warn, "the sandbox is only partly supported", {{"missing", missing}});
}

int Worker::run() {
  try {
    serve();
  } catch (const std::bad_alloc&) {
    fail_all({.code = error_code::resource_exhausted,
              .category = Category::overloaded,
              .message = "the worker is out of memory and ends",
              .retryable = true});
    throw;
  } catch (...) {
    fail_all({.code = error_code::internal, .message = "the worker met an internal error and ends"});
    throw;
  }
  return exit_code_.value_or(kExitInternal);
}

void Worker::serve() {
  watch_parent();
  if (options_.sandbox) close_sandbox();
  loop_.on_signals({SIGTERM, SIGINT, SIGHUP, SIGUSR1}, [this](int signal) { on_signal(signal); });
  loop_.after_each_turn([this] { check_memory(); });
  server_->on_idle([this] { leave_when_written(); });
  server_->greet();
  InboxHandlers handlers;
  handlers.on_request = [this](Request request) { handle(std::move(request)); };
  handlers.on_end = [this](int error) { input_ended(error); };
  inbox_ = std::make_unique<Inbox>(loop_, STDIN_FILENO, options_.server.max_line_bytes,
                                   DecodeOptions{.max_depth = options_.server.max_depth}, std::move(handlers));
  loop_.run();
}

// Fatal error: sends every open chat an error, in whole frames, as far as memory and the reader allow.
void Worker::fail_all(const Error& error) noexcept {
  constexpr std::chrono::milliseconds kReaderPatience{2'000};  // counted from the reader's last progress
  try {
    output_->drop_unfinished();
    server_->fail_all(error);
  } catch (...) {
    output_->drop_unfinished();
  }
  inbox_.reset();
  server_.reset();
  output_->drop_unfinished();
  output_->write_out(kReaderPatience);
}

// After the reserve was used, work in progress has completed. Checks whether there is memory to continue.
void Worker::check_memory() {
  accounts_.turn_ended();
  if (!emergency_memory_used()) return;
  if (!restore_emergency_memory()) throw std::bad_alloc();
  log(LogLevel::warn, "memory was short", {});
}

void Worker::handle(Request request) {
  server_->handle(std::move(request));
  if (!input_paused_ && output_->pending() > kMaxUnreadAnswers) {
    input_paused_ = true;
    inbox_->set_paused(true);
  }
}

void Worker::input_ended(int error) {
  if (error != 0) log(LogLevel::error, "stdin cannot be read", {{"reason", reason_of(error)}});
  input_failed_ = error != 0;
  server_->close_input();
}

void Worker::output_relieved() {
  if (std::exchange(input_paused_, false)) inbox_->set_paused(false);
  server_->output_relieved();
}

void Worker::output_broken(int error) {
  const bool lost = busy() || error != EPIPE;  // a parent may close a pipe that it no longer needs
  log(lost ? LogLevel::error : LogLevel::info, error == ETIMEDOUT ? "stdout stalled" : "stdout was closed",
      {{"reason", reason_of(error)}});
  leave(lost ? kExitOutput : kExitOk);
}

void Worker::watch_parent() {
  const ParentWatching watching = options_.parent_watching;
  if (watching == ParentWatching::off) return;
  if (watching == ParentWatching::automatic && started_to_outlive_parent()) return;
  parent_ = std::make_unique<ParentWatch>(loop_, options_.parent, [this] { parent_gone(); });
  if (!parent_->active()) log(LogLevel::info, "the parent cannot be watched", {{"reason", reason_of(errno)}});
}

// The chats have no reader any more. Another reader of stdout gets only the bytes that it accepts at once.
void Worker::parent_gone() {
  log(busy() ? LogLevel::warn : LogLevel::info, "the parent is gone",
      {{"inFlight", static_cast<std::int64_t>(server_->in_flight())}});
  leave(busy() ? kExitCutShort : kExitOk);
}

bool Worker::busy() const { return server_->in_flight() > 0 || server_->queued() > 0 || output_->pending() > 0; }

void Worker::on_signal(int signal) {
  if (signal == SIGUSR1) return log_stats();
  if (draining_signal_) return leave(kExitSignal + signal);
  begin_drain(signal);
}

bool Worker::answers_to_the_end() const { return draining_signal_ && options_.dialect == Dialect::leanspec; }

// Stops reading lines; running chats continue. leanspec-http drops a chat only after its response, so in that dialect
// lines are read to the end and new chats are rejected.
void Worker::begin_drain(int signal) {
  draining_signal_ = signal;
  log(LogLevel::info, "draining",
      {{"signal", std::int64_t{signal}}, {"inFlight", static_cast<std::int64_t>(server_->in_flight())}});
  if (!answers_to_the_end()) inbox_->stop_reading();
  server_->drain(options_.server.drain);
  // All chats have ended by then. Unread output, or an MCP server that does not exit by itself, is not waited for.
  drain_limit_ = loop_.call_at(loop_.now() + options_.server.drain + kDrainRest, [this] { drain_over(); });
}

// Waits while the reader still accepts frames, however slowly. Every chat has ended, so the remaining output is finite.
void Worker::drain_over() {
  const Instant patience_ends = output_->last_progress() + kDrainRest;
  if (output_->pending() > 0 && loop_.now() < patience_ends) {
    drain_limit_ = loop_.call_at(patience_ends, [this] { drain_over(); });
    return;
  }
  const auto unwritten = static_cast<std::int64_t>(output_->pending());
  log(LogLevel::error, "what is left after the time to finish is given up", {{"unwrittenBytes", unwritten}});
  leave(unwritten > 0 ? kExitOutput : kExitCutShort);
}

void Worker::leave(int code) {
  if (!exit_code_) exit_code_ = code;
  loop_.stop();
}

// Ensures that every line that was read gets a response.
void Worker::leave_when_written() {
  if (answers_to_the_end()) return mcp_->close([this] { leave_when_answered([this] { leave(exit_code_at_end()); }); });
  leave_when_answered([this] { mcp_->close([this] { leave(exit_code_at_end()); }); });
}

void Worker::leave_when_answered(std::function<void()> leave) {
  inbox_->stop_reading();
  output_->when_drained([this, leave = std::move(leave)]() mutable {
    if (!inbox_->has_unhandled()) return leave();
    loop_.post([this, leave = std::move(leave)] { leave_when_answered(leave); });
  });
}

int Worker::exit_code_at_end() const {
  if (draining_signal_ && server_->cut_short() > 0) return kExitCutShort;
  if (input_failed_) return kExitInput;
  const ServerStats& stats = server_->stats();
  return options_.fail && (stats.errors > 0 || stats.rejected > 0) ? kExitFailed : kExitOk;
}

void Worker::log_stats() const {
  const ServerStats& stats = server_->stats();
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  log_requested("stats", {{"lines", number(stats.lines)},
                          {"accepted", number(stats.accepted)},
                          {"done", number(stats.done)},
                          {"errors", number(stats.errors)},
                          {"rejected", number(stats.rejected)},
                          {"inFlight", number(server_->in_flight())},
                          {"queued", number(server_->queued())},
                          {"unwrittenBytes", number(output_->pending())}});
}

}  // namespace aiw
