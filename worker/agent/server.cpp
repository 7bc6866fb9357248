#include "worker/agent/server.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/agent/target.hpp"
#include "worker/executors/http_tool.hpp"
#include "worker/secrets/live_secret.hpp"

namespace aiw {
namespace {

using std::chrono::milliseconds;

constexpr int kDefaultMaxSteps = 20;
// Growth of a delta in its frame. JSON escaping makes a character at most six times as long; the rest is for the frame.
constexpr std::size_t kWorstEscape = 8;

Error refused(std::string code, Category category, std::string message, std::string pointer = {}) {
  return {.code = std::move(code), .category = category, .message = std::move(message), .pointer = std::move(pointer)};
}

Error shutting_down() {
  return {.code = error_code::shutting_down,
          .category = Category::overloaded,
          .message = "the worker is shutting down",
          .retryable = true};
}

// Bytes that the targets hold beside the line: keys and headers, each twice, because the log keeps a copy to redact.
std::size_t bytes_of(const Route& route) {
  std::size_t bytes = 0;
  const auto add = [&](const Target& target) {
    bytes += sizeof target + 2 * (target.api_key.size() + target.credentials.size());
    for (const auto& header : target.headers) bytes += sizeof header + 2 * (header.name.size() + header.value.size());
  };
  add(route.target);
  for (const auto& fallback : route.fallbacks) add(fallback.target);
  if (route.hedge) add(*route.hedge);
  return bytes;
}

// Models of the mock provider: those that the config lists.
std::vector<ModelInfo> configured_models(const Config& config, const Target& target) {
  std::vector<ModelInfo> models;
  const auto provider = std::ranges::find(config.providers, target.provider_id, &ProviderConfig::id);
  for (const auto& model : provider->models) models.push_back({model.id, model.name, {}, model.max_tokens});
  return models;
}

}  // namespace

Server::Server(const ServerOptions& options, const ServerServices& services)
    : options_(options),
      services_(services),
      started_(services.clock.now()),
      backlog_(services.output),
      finished_exchanges_(services.clock),
      tokens_(services.clock, services.http, services.keys.allowed_hosts),
      queries_(services.clock, services.http, services.memory, tokens_),
      admission_(options.admission, services.memory_short) {}

// Ends the chats that still run while everything that they use still exists.
Server::~Server() {
  sweep_posted_ = true;  // sweep() must not be posted: this object will be gone
  try {
    abort_all(shutting_down());
  } catch (const std::bad_alloc&) {  // each reply's destructor tries once more
  }
  chats_.destroy_all();
}

void Server::greet() {
  services_.encoder.ready(services_.output.tail(), {.version = options_.version,
                                                    .max_line_bytes = options_.max_line_bytes,
                                                    .max_frame_bytes = options_.max_frame_bytes,
                                                    .max_depth = options_.max_depth,
                                                    .max_in_flight = static_cast<int>(options_.admission.max_in_flight),
                                                    .max_queued = static_cast<int>(options_.admission.max_queued)});
  services_.output.frame_appended();
}

void Server::handle(Request request) {
  ++stats_.lines;
  std::visit([this](auto&& line) { on(std::forward<decltype(line)>(line)); }, std::move(request));
}

// --- lines ----------------------------------------------------------------------------------------------------------

void Server::on(const RejectedLine& line) { reject(line.id, line.is_chat, line.error); }

void Server::on(std::unique_ptr<ChatRequest> chat) {
  if (const auto error = refusal(*chat)) return reject(chat->id, true, *error);
  if (!look_up(chat)) begin(std::move(chat), default_config_);
}

// Returns false if there is nothing to look up. Otherwise takes the chat.
bool Server::look_up(std::unique_ptr<ChatRequest>& chat) {
  if (services_.parent_sessions == nullptr) return false;
  auto lookup = services_.parent_sessions->look_up(*chat, [this, id = chat->id] { looked_up(id); });
  if (lookup == nullptr) return false;
  const std::string id = chat->id;
  lookups_.emplace(id, LookingUp{std::move(chat), default_config_, std::move(lookup)});
  return true;
}

void Server::looked_up(const std::string& id) {
  const auto entry = lookups_.extract(id);
  begin(std::move(entry.mapped().chat), entry.mapped().default_config);
  if (entry.mapped().cancelled) {
    if (ChatRun* run = chats_.find(entry.key())) run->cancel();
  }
  post_sweep();  // this chat may have been the last one, and been rejected
}

void Server::begin(std::unique_ptr<ChatRequest> chat, const std::shared_ptr<const Config>& default_config) {
  if (!chat->config && !default_config) {
    return reject(chat->id, true,
                  refused(error_code::no_config, Category::invalid_request,
                          "the chat has no config and none was given before", "/payload/config"));
  }
  const Config& config = chat->config ? *chat->config : *default_config;
  KeyPolicy keys = for_request(services_.keys);
  auto route = resolve_route(*chat, config, keys);
  if (!route) return reject(chat->id, true, route.error());
  accept(std::move(chat), *std::move(route), config, std::move(keys));
}

std::optional<Error> Server::refusal(const ChatRequest& chat) const {
  if (chats_.find(chat.id) != nullptr || lookups_.contains(chat.id)) {
    return refused(error_code::duplicate_id, Category::invalid_request, "a chat of that id is running", "/id");
  }
  if (draining_) return shutting_down();
  return admission_.refusal(load(), chat.line->size());
}

Reply Server::make_reply(const ChatRequest& chat) {
  const OutboxLimits limits{.max_delta_bytes = std::max<std::size_t>(options_.max_frame_bytes / kWorstEscape, 64),
                            .max_total = options_.max_held_bytes,
                            .delta_interval = milliseconds(chat.stream.delta_interval_ms),
                            .delta_size = static_cast<std::size_t>(chat.stream.max_delta_chars)};
  auto outbox = std::make_unique<Outbox>(chat.id, services_.encoder.chat(chat.id, chat.stream.ui), services_.output,
                                         backlog_, services_.clock, limits);
  return {std::move(outbox), unanswered_, [this, id = chat.id](bool ok) { ended(id, ok); }};
}

void Server::accept(std::unique_ptr<ChatRequest> chat, Route route, const Config& config, KeyPolicy keys) {
  ++stats_.accepted;
  const std::string id = chat->id;
  const std::size_t bytes = chat->line->size() + bytes_of(route);
  const int max_steps = chat->max_steps.value_or(config.settings.max_steps.value_or(kDefaultMaxSteps));
  Reply reply = make_reply(*chat);
  if (services_.parent_sessions != nullptr) {
    reply.keep_done(services_.parent_sessions->keep_done(*chat, route.target));
  }
  if (chat->system.empty()) chat->system = options_.system_prompt;
  const ChatRunServices services{
      {services_.clock, services_.http, finished_exchanges_, services_.memory},
      budget_,
      tokens_,
      services_.random,
      [this, keys = std::move(keys)](std::shared_ptr<const HttpTool> tool) { return http_tool(std::move(tool), keys); },
      services_.tool_sources,
      options_.max_parallel_tools};
  auto run = std::make_unique<ChatRun>(std::move(chat), std::move(route), max_steps, services, std::move(reply),
                                       services_.clock.now());
  if (admission_.must_wait(load())) return chats_.enqueue(id, std::move(run), bytes);
  start(chats_.add_running(id, std::move(run)));
}

void Server::start(ChatRun& run) {
  if (input_closed_) run.close_input();
  run.start();
}

std::expected<std::shared_ptr<ToolRunner>, Error> Server::http_tool(std::shared_ptr<const HttpTool> tool,
                                                                    const KeyPolicy& keys) {
  return make_http_tool(
      std::move(tool), services_.http, services_.clock,
      [&keys](std::string_view reference, const BaseUrl& to) { return resolve_key(reference, {}, to, keys); });
}

void Server::on(const CancelRequest& cancel) {
  if (const auto waiting = lookups_.find(cancel.chat_id); waiting != lookups_.end()) {
    waiting->second.cancelled = true;
    return ack(cancel.id);
  }
  ChatRun* run = chats_.find(cancel.chat_id);
  if (run == nullptr && !chats_.has_ended(cancel.chat_id)) {
    return reject(
        cancel.id, false,
        refused(error_code::unknown_id, Category::not_found, "no chat of that id is known", "/payload/chatId"));
  }
  ack(cancel.id, run == nullptr);
  if (run != nullptr) run->cancel();
}

ChatRun* Server::find_or_reject(const std::string& line_id, const std::string& chat_id) {
  ChatRun* run = chats_.find(chat_id);
  if (run == nullptr) {
    reject(line_id, false,
           refused(error_code::unknown_id, Category::not_found, "no chat of that id is running", "/payload/chatId"));
  }
  return run;
}

void Server::on(const ToolResultRequest& result) {
  ChatRun* run = find_or_reject(result.id, result.chat_id);
  if (run == nullptr) return;
  if (!run->awaits(result.tool_call_id)) {
    return reject(result.id, false,
                  refused(error_code::unknown_call_id, Category::not_found, "no call of that id waits for a result",
                          "/payload/toolCallId"));
  }
  ack(result.id);  // before any frame that the result causes
  run->tool_result(result);
}

void Server::on(const ToolApprovalRequest& approval) {
  ChatRun* run = find_or_reject(approval.id, approval.chat_id);
  if (run == nullptr) return;
  if (!run->awaits_approval(approval.tool_call_id)) {
    return reject(approval.id, false,
                  refused(error_code::unknown_call_id, Category::not_found, "no call of that id waits for an approval",
                          "/payload/toolCallId"));
  }
  ack(approval.id);  // before any frame that the approval causes
  run->tool_approval(approval);
}

void Server::on(const HealthRequest& health) {
  HealthInfo info{.ready = !draining_,
                  .providers = {},
                  .in_flight = in_flight(),
                  .queued = chats_.queued(),
                  .version = options_.version,
                  .uptime_ms = 0};
  if (default_config_) {
    for (const auto& provider : default_config_->providers) info.providers.push_back(provider.id);
  }
  info.uptime_ms = std::chrono::duration_cast<milliseconds>(services_.clock.now() - started_).count();
  services_.encoder.health(services_.output.tail(), health.id, info);
  services_.output.frame_appended();
}

void Server::on(const ModelsRequest& models) {
  const auto default_config = default_config_;
  if (draining_) return reject(models.id, false, shutting_down());
  if (const auto error = queries_.refusal(models.id)) return reject(models.id, false, *error);
  if (!models.config && !default_config) {
    return reject(models.id, false,
                  refused(error_code::no_config, Category::invalid_request,
                          "the line has no config and none was given before", "/payload/config"));
  }
  const Config& config = models.config ? *models.config : *default_config;
  auto target = resolve_provider(models.provider_id, config, for_request(services_.keys));
  if (!target) return reject(models.id, false, target.error());
  if (target->api == Api::mock) return models_listed(models.id, models.provider_id, configured_models(config, *target));
  auto on_done = [this, id = models.id, provider = models.provider_id](ModelsQuery::Result result) {
    models_listed(id, provider, std::move(result));
    post_sweep();
  };
  const auto error = queries_.start(models.id, *std::move(target), std::move(on_done));
  if (error) reject(models.id, false, *error);
}

void Server::models_listed(const std::string& id, const std::string& provider, ModelsQuery::Result result) {
  if (!result) return reject(id, false, result.error());
  std::string& tail = services_.output.tail();
  const std::size_t before = tail.size();
  services_.encoder.models(tail, id, {provider, *std::move(result)});
  if (tail.size() != before) services_.output.frame_appended();
}

void Server::on(ReloadConfigRequest reload) {
  default_config_ = std::make_shared<const Config>(std::move(reload.config));
  services_.encoder.config_reloaded(services_.output.tail(), reload.id);
  services_.output.frame_appended();
}

void Server::on(const ShutdownRequest& shutdown) {
  ack(shutdown.id);
  drain(shutdown.grace_ms ? milliseconds(*shutdown.grace_ms) : options_.drain);
}

void Server::reject(const std::optional<std::string>& id, bool is_chat, const Error& why) {
  ++stats_.rejected;
  const Error error = without_live_secrets(why);
  const bool written = services_.encoder.rejected(services_.output.tail(), id, is_chat, error);
  if (written) {
    services_.output.frame_appended();
  } else {
    services_.on_unanswered(error);
  }
}

void Server::ack(const std::string& id, bool late) {
  std::string& tail = services_.output.tail();
  const std::size_t before = tail.size();
  services_.encoder.ack(tail, id, {.late = late});
  if (tail.size() != before) services_.output.frame_appended();
}

// --- life cycle of chats --------------------------------------------------------------------------------------------

// Called by the run itself, so it is only moved aside here. sweep() destroys it.
void Server::ended(const std::string& id, bool ok) {
  ++(ok ? stats_.done : stats_.errors);
  chats_.end(id);
  admission_.chat_ended(services_.clock.now());
  post_sweep();
}

void Server::post_sweep() {
  if (std::exchange(sweep_posted_, true)) return;
  services_.post([this] { sweep(); });
}

void Server::sweep() {
  sweep_posted_ = false;
  chats_.destroy_ended();
  // One at a time, because the start of a chat builds its request, which takes time. When a running chat ends, sweep()
  // runs again.
  if (chats_.queued() > 0 && admission_.may_run_next(chats_.running())) {
    start(chats_.run_next());
    post_sweep();
  }
  const bool closing = input_closed_ || draining_;
  const bool idle = in_flight() == 0 && chats_.queued() == 0 && queries_.empty();
  if (closing && idle && on_idle_) std::exchange(on_idle_, nullptr)();
}

// --- closing --------------------------------------------------------------------------------------------------------

void Server::close_input() {
  input_closed_ = true;
  for (const auto& id : chats_.ids()) {
    if (ChatRun* run = chats_.find(id)) run->close_input();
  }
  services_.post([this] { sweep(); });
}

void Server::drain(milliseconds grace) {
  draining_ = true;
  drain_timer_ = services_.clock.call_at(services_.clock.now() + grace, [this] {
    if (services_.parent_sessions != nullptr) services_.parent_sessions->finish();
    cut_short_ += in_flight() + chats_.queued();
    abort_all(shutting_down());
  });
  services_.post([this] { sweep(); });
}

// Aborts one chat. If memory runs out, this chat's error may be lost, but the other chats still get theirs.
void Server::abort_one(ChatRun& run, const Error& error) {
  try {
    run.abort(error);
  } catch (const std::bad_alloc&) {
    return;
  }
}

void Server::fail_all(const Error& error) {
  unanswered_ = error;
  chats_.destroy_all();
  abort_all(error);
}

void Server::abort_all(const Error& error) {
  unanswered_ = error;
  if (services_.parent_sessions != nullptr) services_.parent_sessions->finish();
  for (const auto& [id, lookup] : std::exchange(lookups_, {})) reject(id, true, error);
  for (const auto& id : chats_.ids()) {
    if (ChatRun* run = chats_.find(id)) abort_one(*run, error);
  }
  for (const auto& id : queries_.abandon_all()) reject(id, false, error);
  post_sweep();
}

}  // namespace aiw
