#include "worker/agent/models_query.hpp"

#include <utility>

#include "protocol/codes.hpp"
#include "worker/agent/error_hint.hpp"
#include "worker/base/url.hpp"
#include "worker/providers/codec/http_error.hpp"

namespace aiw {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMaxPages = 100;
constexpr seconds kTimeLimit{60};
// Limit on all pages together: enough for some thousand models with their details.
constexpr std::size_t kMaxListBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxModels = 20'000;
constexpr std::size_t kParsedFactor = 12;  // memory of a parsed page, as a multiple of its bytes
constexpr HttpLimits kLimits{
    .connect_timeout = seconds{10}, .total_timeout = kTimeLimit, .max_body_bytes = kMaxListBytes};

Error too_large() {
  return {.code = error_code::response_too_large,
          .category = Category::limit,
          .message = "the provider's list of models is longer than 16 MiB or 20,000 models"};
}

std::chrono::sys_seconds wall_time() { return std::chrono::floor<seconds>(std::chrono::system_clock::now()); }

}  // namespace

ModelsQuery::ModelsQuery(Clock& clock, HttpClient& http, MemoryAccounts& memory, TokenCache& tokens, Target target,
                         std::function<void(Result)> on_done)
    : account_(memory.open([this](const Error& error) { done(std::unexpected(error)); })),
      clock_(clock),
      http_(http),
      target_(std::move(target)),
      api_(*wire_api(target_.api)),
      on_done_(std::move(on_done)) {
  timer_ = clock_.call_at(clock_.now() + kTimeLimit, [this] {
    done(std::unexpected(Error{.code = error_code::timeout_total,
                               .category = Category::timeout,
                               .message = "the provider's models were not listed in time",
                               .retryable = true}));
  });
  if (needs_token(target_)) {
    await_token(tokens);
  } else {
    ask({});
  }
}

void ModelsQuery::await_token(TokenCache& tokens) {
  if (auto token = tokens.find(target_.credentials)) {
    target_.api_key = *std::move(token);
    return ask({});
  }
  auto wait = tokens.wait(target_.credentials, [this](TokenCache::Result token) {
    if (!token) return done(std::unexpected(std::move(token).error()));
    target_.api_key = *std::move(token);
    ask({});
  });
  if (!wait) return fail_later(std::move(wait).error());
  token_wait_ = *std::move(wait);
}

void ModelsQuery::ask(std::string_view page) {
  auto request = api_.list_models(target_, page, wall_time());
  if (!request) return fail_later(std::move(request).error());
  head_ = {};
  body_.clear();
  url_ = shown_url(request->url);
  const MemoryScope scope(account_.get());
  transfer_ = http_.start(*std::move(request), kLimits, *this);
}

void ModelsQuery::on_body(std::string_view bytes) {
  received_ += bytes.size();
  if (received_ > kMaxListBytes) return done(std::unexpected(too_large()));
  body_ += bytes;
}

void ModelsQuery::on_end(const Error* error) {
  if (error != nullptr) return done(std::unexpected(*error));
  if (head_.status != 200) return done(std::unexpected(api_.http_error(head_, error_body(body_))));
  read_page();
}

void ModelsQuery::read_page() {
  if (!MemoryAccount::fits(kParsedFactor * body_.size())) return;
  auto page = api_.read_models(body_);
  if (!page) return done(std::unexpected(std::move(page).error()));
  models_.insert(models_.end(), std::make_move_iterator(page->models.begin()),
                 std::make_move_iterator(page->models.end()));
  if (models_.size() > kMaxModels) return done(std::unexpected(too_large()));
  const bool is_new = !page->next.empty() && pages_.insert(page->next).second;
  if (!is_new || pages_.size() > kMaxPages) return done(std::move(models_));
  ask(page->next);
}

void ModelsQuery::fail_later(Error error) {
  transfer_.reset();
  timer_ = clock_.call_at(clock_.now(), [this, error = std::move(error)] { done(std::unexpected(error)); });
}

void ModelsQuery::complete(Error& error) const {
  error.provider = target_.provider_id;
  if (error.url.empty()) error.url = url_;
  if (error.request_id.empty()) error.request_id = request_id(head_);
  complete_error(error, target_);
}

void ModelsQuery::done(Result result) {
  account_->close();
  // The timer may be the caller, so keep it alive until this function returns.
  const auto timer = std::move(timer_);
  const auto transfer = std::move(transfer_);
  if (!result) complete(result.error());
  const auto on_done = on_done_;
  on_done(std::move(result));
}

}  // namespace aiw
