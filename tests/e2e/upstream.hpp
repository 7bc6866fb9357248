// The providers of the end-to-end tests: scripted answers by name, the lines that ask for them, and the canary.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tests/e2e/test_worker.hpp"
#include "tools/support/upstream_server.hpp"

namespace aiw::e2e {

using tools::Cut;
using tools::Ending;
using tools::Framing;
using tools::Script;

// --- bodies, as the API references have them ------------------------------------------------------------------------

std::string sse(const Json& data);
std::string chunk_event(const Json& delta, const Json& finish_reason = nullptr);
std::string text_event(std::string_view text);
// Texts, finish_reason stop, usage, [DONE].
std::string openai_answer(const std::vector<std::string>& texts);
std::string openai_ending(std::string_view finish_reason = "stop");
std::string openai_unary(std::string_view text);
// One whole tool call by its parts, then finish_reason tool_calls.
std::string openai_tool_call(std::string_view id, std::string_view name, std::string_view arguments);
std::string anthropic_event(const Json& data);
std::string anthropic_answer(const std::vector<std::string>& texts);
std::string anthropic_head();

Script event_stream(std::string body, Cut cut = {});
// `head` of the body is sent, then what `ending` says.
Script broken_stream(std::string head, Ending ending);
// An answer whose events come one by one.
Script paced(const std::vector<std::string>& events, Milliseconds between);

// --- the upstream ---------------------------------------------------------------------------------------------------

// One loopback server; a provider is the first segment of the path.
class Upstream {
 public:
  explicit Upstream(tools::ServerOptions options = {});
  // The answers to the provider's requests, in turn; the last one is given again and again.
  void answer(const std::string& provider, std::vector<Script> scripts);
  [[nodiscard]] std::string base_url(const std::string& provider) const { return server_->url() + "/" + provider; }
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] std::vector<tools::Request> requests(const std::string& provider) const;
  [[nodiscard]] std::size_t count(const std::string& provider) const;
  bool wait_for_request(const std::string& provider, std::size_t count = 1) const;
  [[nodiscard]] std::size_t open_connections() const { return server_->open_connections(); }

  // A chat with this provider; `payload` is merged over the line's own.
  [[nodiscard]] Json chat(const std::string& id, const std::string& provider, const Json& payload = {}) const;

 private:
  Script respond(const tools::Request& request);

  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Script>> scripts_;
  std::map<std::string, std::vector<tools::Request>> requests_;
  std::unique_ptr<tools::UpstreamServer> server_;  // the last member: its thread uses the others
};

// A chat line; `provider` is the config's one provider.
Json chat_line(const std::string& id, const Json& provider, const Json& payload = {});
Json mock_chat(const std::string& id, const Json& script, const Json& payload = {});
Json cancel_line(const std::string& id, const std::string& chat_id);
Json tool_result_line(const std::string& id, const std::string& chat_id, const std::string& call_id,
                      const Json& output);

// A slow stream of another chat that runs beside a fault and must not notice it.
class Canary {
 public:
  Canary(TestWorker& worker, Upstream& upstream, int events = 40);
  // It arrived complete, in order and byte by byte; its largest gap is reported.
  void check();

 private:
  TestWorker& worker_;
  std::string expected_;
};

// A socket that listens and never accepts.
class DeafListener {
 public:
  // `full`: not even the kernel accepts, so that connecting hangs.
  explicit DeafListener(bool full);
  ~DeafListener();
  DeafListener(const DeafListener&) = delete;
  DeafListener& operator=(const DeafListener&) = delete;
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  int fd_;
  std::uint16_t port_ = 0;
  std::vector<int> fillers_;
};

}  // namespace aiw::e2e
