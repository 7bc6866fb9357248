// Requests the list of models from a provider, page by page.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "protocol/event.hpp"
#include "worker/agent/token_cache.hpp"
#include "worker/base/clock.hpp"
#include "worker/base/http_client.hpp"
#include "worker/base/memory_account.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// The query runs as long as this object exists. Destroying it closes the connection; `on_done` is then not called.
class ModelsQuery : private HttpHandler {
 public:
  using Result = std::expected<std::vector<ModelInfo>, Error>;
  // `on_done` is called once, never within this call, and may destroy the query. Services must outlive the query.
  ModelsQuery(Clock& clock, HttpClient& http, MemoryAccounts& memory, TokenCache& tokens, Target target,
              std::function<void(Result)> on_done);
  ModelsQuery(const ModelsQuery&) = delete;
  ModelsQuery& operator=(const ModelsQuery&) = delete;
  ~ModelsQuery() override { account_->close(); }
  [[nodiscard]] const std::string& base_url() const { return target_.base_url; }

 private:
  void await_token(TokenCache& tokens);
  void ask(std::string_view page);
  void on_head(const ResponseHead& head) override { head_ = head; }
  void on_body(std::string_view bytes) override;
  void on_end(const Error* error) override;
  void read_page();
  void complete(Error& error) const;
  void done(Result result);
  void fail_later(Error error);

  const std::shared_ptr<MemoryAccount> account_;
  Clock& clock_;
  HttpClient& http_;
  Target target_;
  const WireApi& api_;
  const std::function<void(Result)> on_done_;
  std::unique_ptr<TokenCache::Wait> token_wait_;
  std::unique_ptr<HttpTransfer> transfer_;
  std::unique_ptr<Timer> timer_;
  std::string url_;  // URL of the requested page
  ResponseHead head_;
  std::string body_;
  std::size_t received_ = 0;  // bytes of all pages
  std::vector<ModelInfo> models_;
  std::set<std::string> pages_;  // pages requested so far, so that a cycle of pages ends
};

}  // namespace aiw
