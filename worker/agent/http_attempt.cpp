#include "worker/agent/http_attempt.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "protocol/codes.hpp"
#include "protocol/json_text.hpp"
#include "worker/base/url.hpp"
#include "worker/providers/codec/context_overflow.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/providers/codec/renamed_keys.hpp"
#include "worker/providers/profile/state_maker.hpp"

namespace aiw {
namespace {

using std::chrono::milliseconds;

// Limit on bytes after a complete response; beyond it the connection is not worth keeping.
constexpr std::size_t kMaxTrailing = 64 << 10;
constexpr milliseconds kEndGrace{2'000};
constexpr std::size_t kMaxHostBytes = 253;  // RFC 1035, 2.3.4

Error timeout_error(std::string code, std::string message) {
  return {.code = std::move(code), .category = Category::timeout, .message = std::move(message), .retryable = true};
}

Error bad_answer(std::string code, std::string message) {
  return {.code = std::move(code), .category = Category::upstream, .message = std::move(message)};
}

bool contains_type(const ResponseHead& head, std::string_view type) {
  return head.header("content-type").find(type) != std::string_view::npos;
}

// Error for a redirect. Shows only the host of `location`, and only if the URL can be parsed.
Error redirect_refused(std::string_view location) {
  const auto url = parse_base_url(location);
  const std::string to = url ? " to " + bounded_message(url->host, kMaxHostBytes) : std::string();
  return bad_answer(error_code::redirect_refused, "the provider redirects" + to + "; redirects are not followed");
}

// Maps a tool name of the provider back to the name that the chat uses.
std::string_view own_name(const RenamedWords& renamed, std::string_view name) {
  const auto found = renamed.tools.find(name);
  return found == renamed.tools.end() ? name : found->second;
}

void restore(const RenamedWords& renamed, ToolCall& call) {
  if (const auto found = renamed.tools.find(call.name); found != renamed.tools.end()) call.name = found->second;
  if (renamed.properties.empty()) return;
  if (auto input = with_renamed_keys(call.input_text, renamed.properties)) call.input_text = std::move(*input);
}

}  // namespace

class HttpAttempt : public Attempt, private StepSink {
 public:
  HttpAttempt(const AttemptServices& services, BuiltRequest request, const WireApi& api, const ChatRequest& chat,
              std::shared_ptr<const void> memory, AttemptObserver& observer)
      : services_(services),
        api_(api),
        chat_(chat),
        observer_(observer),
        maker_(std::move(request.maker)),
        renamed_(std::move(request.renamed)),
        exchange_(std::make_unique<Exchange>(*this, std::move(memory))),
        url_(shown_url(request.http.url)) {
    last_byte_ = last_progress_ = services_.clock.now();
    const HttpLimits limits{.connect_timeout = milliseconds(chat.timeouts.connect_ms), .has_own_connection = true};
    exchange_->start(services_.http, std::move(request.http), limits);
    watch();
  }

  void set_paused(bool paused) override {
    if (paused == paused_) return;
    paused_ = paused;
    // Restart the time limits: the parent caused this pause, not the provider.
    last_byte_ = last_progress_ = services_.clock.now();
    watch();
    exchange_->set_paused(paused);
  }

  void on_head(const ResponseHead& head) {
    last_byte_ = last_progress_ = services_.clock.now();
    head_ = head;
    if (head.status >= 300 && head.status < 400) {
      fail(redirect_refused(head.header("location")));
      return conclude();
    }
    watch();
    if (head.status < 200 || head.status >= 300) return;
    observer_.first_byte();
    is_page_ = contains_type(head, "text/html");
    if (is_page_) return;
    const bool unary = !chat_.stream.upstream || contains_type(head, "application/json");
    decoder_ = api_.make_decoder(unary ? BodyFormat::unary : BodyFormat::stream);
  }

  void on_body(std::string_view bytes) {
    last_byte_ = services_.clock.now();
    if (decoder_) {
      decoder_->feed(bytes, *this);
    } else if (error_body_.size() < kMaxErrorBodyRead) {
      error_body_ += bytes.substr(0, kMaxErrorBodyRead - error_body_.size());
    } else if (is_page_) {
      fail(page_fault(error_code::bad_content_type, error_body_));
    }
    conclude();
  }

  void on_end(const Error* error) {
    if (is_page_) {
      fail(page_fault(error_code::bad_content_type, error_body_));
    } else if (error != nullptr && (!head_ || decoder_)) {
      fail(*error);
    } else if (decoder_) {
      decoder_->end(*this);
    } else if (head_) {
      fail(api_.http_error(*head_, error_body(error_body_)));
    }
    if (!ending_) fail(bad_answer(error_code::bad_response, "the answer ended without an outcome"));
    conclude();
  }

 private:
  struct Finish {
    FinishReason reason;
    std::string raw;
  };

  void delta(int part, ContentKind kind, std::string_view text, std::string_view tool_call_id) override {
    if (!text.empty()) last_progress_ = last_byte_;
    observer_.delta(part, kind, text, tool_call_id);
  }
  void tool_input_began(int part, std::string_view tool_call_id, std::string_view tool_name) override {
    observer_.tool_input_began(part, tool_call_id, renamed_ == nullptr ? tool_name : own_name(*renamed_, tool_name));
  }
  void tool_call(int part, ToolCall call) override {
    last_progress_ = last_byte_;
    if (renamed_ != nullptr) restore(*renamed_, call);
    observer_.tool_call(part, std::move(call));
  }
  void tool_result(ProviderToolResult result) override {
    last_progress_ = last_byte_;
    observer_.tool_result(std::move(result));
  }
  void file(int part, GeneratedFile file) override {
    last_progress_ = last_byte_;
    observer_.file(part, std::move(file));
  }
  void source(const Source& source) override {
    last_progress_ = last_byte_;
    observer_.source(source);
  }
  void logprobs(int part, std::string_view tokens) override { observer_.logprobs(part, tokens); }
  void provider_state(int part, std::string state) override {
    last_progress_ = last_byte_;
    observer_.provider_state(part, with_maker(std::move(state), maker_));
  }
  void usage(const Usage& usage) override { observer_.usage(usage); }
  void warning(std::string_view code, std::string_view message) override { observer_.warning(code, message); }
  // The outcome is kept until the decoder has returned, because the observer may destroy both.
  void finish(FinishReason reason, std::string_view raw) override {
    if (!ending_) ending_ = Finish{reason, std::string(raw)};
  }
  void fail(Error error) override {
    if (!ending_) ending_ = std::move(error);
  }

  // Reports the outcome, if there is one. May destroy this object: callers touch nothing after it.
  void conclude() {
    if (!ending_) return;
    watchdog_.reset();
    auto ending = *std::move(ending_);
    if (const auto* finish = std::get_if<Finish>(&ending)) {
      if (!exchange_->ended()) {
        exchange_->detach(services_.finished);
        services_.finished.keep(std::move(exchange_));
      }
      observer_.finish(finish->reason, finish->raw);
    } else {
      Error& error = std::get<Error>(ending);
      mark_context_overflow(error);
      error.url = url_;
      if (error.request_id.empty() && head_) error.request_id = request_id(*head_);
      observer_.fail(std::move(error));
    }
  }

  [[nodiscard]] std::optional<Error> overdue(Instant now) const {
    const Timeouts& limits = chat_.timeouts;
    const auto passed = [&](Instant since, std::int64_t limit_ms) {
      return limit_ms > 0 && now - since >= milliseconds(limit_ms);
    };
    if (!head_) {
      if (passed(last_byte_, limits.first_byte_ms)) {
        return timeout_error(error_code::timeout_first_byte, "the provider did not begin to answer in time");
      }
      return std::nullopt;
    }
    if (passed(last_byte_, limits.idle_ms)) return timeout_error(error_code::timeout_idle, "the provider fell silent");
    if (passed(last_progress_, limits.progress_ms)) {
      return timeout_error(error_code::timeout_progress, "the provider sent signs of life but no content");
    }
    return std::nullopt;
  }

  // Sets the timer to the earliest time at which a limit can be reached. Incoming bytes do not touch the timer.
  void watch() {
    watchdog_.reset();
    if (paused_) return;
    const Timeouts& limits = chat_.timeouts;
    std::optional<Instant> next;
    const auto consider = [&](Instant since, std::int64_t limit_ms) {
      if (limit_ms > 0) next = std::min(next.value_or(Instant::max()), since + milliseconds(limit_ms));
    };
    if (!head_) {
      consider(last_byte_, limits.first_byte_ms);
    } else {
      consider(last_byte_, limits.idle_ms);
      consider(last_progress_, limits.progress_ms);
    }
    if (!next) return;
    watchdog_ = services_.clock.call_at(*next, [this] { check_time(); });
  }

  void check_time() {
    if (auto error = overdue(services_.clock.now())) {
      fail(*std::move(error));
      return conclude();
    }
    watch();
  }

  const AttemptServices services_;
  const WireApi& api_;
  const ChatRequest& chat_;
  AttemptObserver& observer_;
  const std::string maker_;                            // maker that provider states are marked with
  const std::shared_ptr<const RenamedWords> renamed_;  // nullptr: no names were changed
  std::unique_ptr<Exchange> exchange_;
  const std::string url_;  // shown in errors
  std::optional<ResponseHead> head_;
  std::unique_ptr<ResponseDecoder> decoder_;
  std::string error_body_;
  std::optional<std::variant<Finish, Error>> ending_;
  Instant last_byte_;
  Instant last_progress_;
  bool paused_ = false;
  bool is_page_ = false;  // the response is an HTML page instead of API output
  std::unique_ptr<Timer> watchdog_;
};

void Exchange::on_head(const ResponseHead& head) {
  if (owner_ != nullptr) owner_->on_head(head);
}

void Exchange::on_body(std::string_view bytes) {
  if (owner_ != nullptr) return owner_->on_body(bytes);
  trailing_ += bytes.size();
  if (trailing_ > kMaxTrailing) keeper_->drop(*this);
}

void Exchange::on_end(const Error* error) {
  ended_ = true;
  if (owner_ != nullptr) return owner_->on_end(error);
  keeper_->drop(*this);
}

void FinishedExchanges::keep(std::unique_ptr<Exchange> exchange) {
  Exchange* const kept = exchange.get();
  kept->set_paused(false);
  kept_.push_back({std::move(exchange), clock_.call_at(clock_.now() + kEndGrace, [this, kept] { drop(*kept); })});
}

void FinishedExchanges::drop(Exchange& exchange) {
  const auto found = std::ranges::find(kept_, &exchange, [](const Kept& kept) { return kept.exchange.get(); });
  if (found != kept_.end()) kept_.erase(found);
}

std::unique_ptr<Attempt> start_http_attempt(const AttemptServices& services, BuiltRequest request, const WireApi& api,
                                            const ChatRequest& chat, std::shared_ptr<const void> memory,
                                            AttemptObserver& observer) {
  return std::make_unique<HttpAttempt>(services, std::move(request), api, chat, std::move(memory), observer);
}

}  // namespace aiw
