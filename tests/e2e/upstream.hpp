// Providers of the end-to-end tests: scripted responses by name, the lines that use them, and the canary.
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

// --- Bodies as in the API references ---------------------------------------------------------------------------------

std::string sse(const Json& data);
std::string chunk_event(const Json& delta, const Json& finish_reason = nullptr);
std::string text_event(std::string_view text);
// Returns a response with these texts, finish_reason stop, usage and [DONE].
std::string openai_answer(const std::vector<std::string>& texts);
std::string openai_ending(std::string_view finish_reason = "stop");
std::string openai_unary(std::string_view text);
// Returns one complete tool call, then finish_reason tool_calls.
std::string openai_tool_call(std::string_view id, std::string_view name, std::string_view arguments);
std::string anthropic_event(const Json& data);
std::string anthropic_answer(const std::vector<std::string>& texts);
std::string anthropic_head();

Script event_stream(std::string body, Cut cut = {});
// Sends `head` of the body, then ends as `ending` says.
Script broken_stream(std::string head, Ending ending);
// Returns a response whose events are sent one by one.
Script paced(const std::vector<std::string>& events, Milliseconds between);

// --- The upstream ----------------------------------------------------------------------------------------------------

// One loopback server. The first segment of the path names the provider.
class Upstream {
 public:
  explicit Upstream(tools::ServerOptions options = {});
  // Sets the responses to the provider's requests, in order. The last one is repeated.
  void answer(const std::string& provider, std::vector<Script> scripts);
  [[nodiscard]] std::string base_url(const std::string& provider) const { return server_->url() + "/" + provider; }
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] std::vector<tools::Request> requests(const std::string& provider) const;
  [[nodiscard]] std::size_t count(const std::string& provider) const;
  bool wait_for_request(const std::string& provider, std::size_t count = 1) const;
  [[nodiscard]] std::size_t open_connections() const { return server_->open_connections(); }

  // Returns a chat with this provider. `payload` is merged over the default payload.
  [[nodiscard]] Json chat(const std::string& id, const std::string& provider, const Json& payload = {}) const;

 private:
  Script respond(const tools::Request& request);

  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Script>> scripts_;
  std::map<std::string, std::vector<tools::Request>> requests_;
  std::unique_ptr<tools::UpstreamServer> server_;  // last member: its thread uses the others
};

// Returns a chat line. `provider` is the only provider of its config.
Json chat_line(const std::string& id, const Json& provider, const Json& payload = {});
Json mock_chat(const std::string& id, const Json& script, const Json& payload = {});
Json cancel_line(const std::string& id, const std::string& chat_id);
Json tool_result_line(const std::string& id, const std::string& chat_id, const std::string& call_id,
                      const Json& output);

// Slow stream of another chat. It runs while a fault happens and must not be disturbed.
class Canary {
 public:
  Canary(TestWorker& worker, Upstream& upstream, int events = 40);
  // Checks that the stream arrived complete, in order and byte by byte. Reports its largest gap.
  void check();

 private:
  TestWorker& worker_;
  std::string expected_;
};

// Socket that listens and never accepts.
class DeafListener {
 public:
  // `full`: the kernel's backlog is full, too, so that connecting hangs.
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
