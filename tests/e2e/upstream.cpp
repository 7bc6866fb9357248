#include "tests/e2e/upstream.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace aiw::e2e {

namespace {

constexpr Milliseconds kCanaryBeat{10};

std::string canary_piece(int number) { return "c" + std::to_string(number) + " é😀\n"; }

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

std::string sse(const Json& data) { return "data: " + data.dump() + "\n\n"; }

std::string chunk_event(const Json& delta, const Json& finish_reason) {
  return sse({{"id", "chatcmpl-1"},
              {"object", "chat.completion.chunk"},
              {"created", 1},
              {"model", "m"},
              {"choices", Json::array({{{"index", 0}, {"delta", delta}, {"finish_reason", finish_reason}}})}});
}

std::string text_event(std::string_view text) { return chunk_event({{"content", text}}); }

std::string openai_ending(std::string_view finish_reason) {
  const Json usage = {{"prompt_tokens", 7}, {"completion_tokens", 5}, {"total_tokens", 12}};
  return chunk_event(Json::object(), finish_reason) +
         sse({{"id", "chatcmpl-1"},
              {"object", "chat.completion.chunk"},
              {"choices", Json::array()},
              {"usage", usage}}) +
         "data: [DONE]\n\n";
}

std::string openai_answer(const std::vector<std::string>& texts) {
  std::string body = chunk_event({{"role", "assistant"}, {"content", ""}});
  for (const std::string& text : texts) body += text_event(text);
  return body + openai_ending();
}

std::string openai_unary(std::string_view text) {
  return Json{
      {"id", "chatcmpl-1"},
      {"object", "chat.completion"},
      {"model", "m"},
      {"choices",
       Json::array(
           {{{"index", 0}, {"message", {{"role", "assistant"}, {"content", text}}}, {"finish_reason", "stop"}}})},
      {"usage", {{"prompt_tokens", 7}, {"completion_tokens", 5}, {"total_tokens", 12}}}}
      .dump();
}

std::string openai_tool_call(std::string_view id, std::string_view name, std::string_view arguments) {
  const auto piece = [](const Json& call) { return chunk_event({{"tool_calls", Json::array({call})}}); };
  const std::size_t half =
      std::min<std::size_t>(arguments.size(), 3);  // not within a character, because the JSON builder would fail
  return piece({{"index", 0}, {"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", ""}}}}) +
         piece({{"index", 0}, {"function", {{"arguments", arguments.substr(0, half)}}}}) +
         piece({{"index", 0}, {"function", {{"arguments", arguments.substr(half)}}}}) + openai_ending("tool_calls");
}

std::string anthropic_event(const Json& data) {
  return "event: " + data.at("type").get<std::string>() + "\ndata: " + data.dump() + "\n\n";
}

std::string anthropic_head() {
  return anthropic_event({{"type", "message_start"},
                          {"message",
                           {{"id", "msg_1"},
                            {"type", "message"},
                            {"role", "assistant"},
                            {"model", "m"},
                            {"content", Json::array()},
                            {"stop_reason", nullptr},
                            {"usage", {{"input_tokens", 7}, {"output_tokens", 1}}}}}});
}

std::string anthropic_answer(const std::vector<std::string>& texts) {
  std::string body = anthropic_head();
  body += anthropic_event(
      {{"type", "content_block_start"}, {"index", 0}, {"content_block", {{"type", "text"}, {"text", ""}}}});
  for (const std::string& text : texts) {
    body += anthropic_event(
        {{"type", "content_block_delta"}, {"index", 0}, {"delta", {{"type", "text_delta"}, {"text", text}}}});
  }
  body += anthropic_event({{"type", "content_block_stop"}, {"index", 0}});
  body += anthropic_event(
      {{"type", "message_delta"}, {"delta", {{"stop_reason", "end_turn"}}}, {"usage", {{"output_tokens", 5}}}});
  return body + anthropic_event({{"type", "message_stop"}});
}

Script event_stream(std::string body, Cut cut) {
  return {.headers = {{"Content-Type", "text/event-stream"}}, .body = std::move(body), .cut = std::move(cut)};
}

Script broken_stream(std::string head, Ending ending) {
  Script script = event_stream(std::move(head));
  script.ending = ending;
  script.end_after = script.body.size();
  return script;
}

Script paced(const std::vector<std::string>& events, Milliseconds between) {
  Script script = event_stream({}, {.mode = Cut::Mode::kSizes});
  for (const std::string& event : events) {
    script.body += event;
    script.cut.sizes.push_back(event.size());
  }
  script.delay_between = between;
  return script;
}

Upstream::Upstream(tools::ServerOptions options) {
  auto server =
      tools::UpstreamServer::start([this](const tools::Request& request) { return respond(request); }, options);
  if (!server) FAIL(server.error());
  server_ = std::move(*server);
}

void Upstream::answer(const std::string& provider, std::vector<Script> scripts) {
  const std::lock_guard lock(mutex_);
  scripts_[provider] = std::move(scripts);
}

Script Upstream::respond(const tools::Request& request) {
  const std::string_view path = request.path().substr(1);
  const std::string provider(path.substr(0, path.find('/')));
  const std::lock_guard lock(mutex_);
  requests_[provider].push_back(request);
  const auto found = scripts_.find(provider);
  if (found == scripts_.end() || found->second.empty()) return tools::json_script(404, "{}");
  Script script = found->second.front();
  if (found->second.size() > 1) found->second.erase(found->second.begin());
  return script;
}

std::vector<tools::Request> Upstream::requests(const std::string& provider) const {
  const std::lock_guard lock(mutex_);
  const auto found = requests_.find(provider);
  return found == requests_.end() ? std::vector<tools::Request>{} : found->second;
}

std::size_t Upstream::count(const std::string& provider) const {
  const std::lock_guard lock(mutex_);
  const auto found = requests_.find(provider);
  return found == requests_.end() ? 0 : found->second.size();
}

bool Upstream::wait_for_request(const std::string& provider, std::size_t count) const {
  return eventually([&] { return this->count(provider) >= count; });
}

Json Upstream::chat(const std::string& id, const std::string& provider, const Json& payload) const {
  const std::string type = provider.starts_with("anthropic") ? "anthropic-messages" : "openai-chat";
  return chat_line(id, {{"id", provider}, {"type", type}, {"baseUrl", base_url(provider)}}, payload);
}

Json chat_line(const std::string& id, const Json& provider, const Json& payload) {
  Json line = {{"id", id},
               {"type", "chat"},
               {"payload",
                {{"config", {{"providers", Json::array({provider})}}},
                 {"modelId", "m"},
                 {"messages", Json::array({{{"role", "user"}, {"content", "Hi"}}})}}}};
  if (!payload.is_null()) line["payload"].update(payload);
  return line;
}

Json mock_chat(const std::string& id, const Json& script, const Json& payload) {
  return chat_line(id, {{"id", "mock"}, {"models", Json::array({{{"id", "m"}, {"script", Json::array({script})}}})}},
                   payload);
}

Json cancel_line(const std::string& id, const std::string& chat_id) {
  return {{"id", id}, {"type", "cancel"}, {"payload", {{"chatId", chat_id}}}};
}

Json tool_result_line(const std::string& id, const std::string& chat_id, const std::string& call_id,
                      const Json& output) {
  return {{"id", id},
          {"type", "tool_result"},
          {"payload", {{"chatId", chat_id}, {"toolCallId", call_id}, {"output", output}}}};
}

Canary::Canary(TestWorker& worker, Upstream& upstream, int events) : worker_(worker) {
  std::vector<std::string> pieces;
  for (int i = 0; i < events; ++i) {
    expected_ += canary_piece(i);
    pieces.push_back(text_event(canary_piece(i)));
  }
  pieces.push_back(openai_ending());
  upstream.answer("canary", {paced(pieces, kCanaryBeat)});
  worker_.send(upstream.chat("canary", "canary"));
  worker_.wait_for("canary", "delta");
}

void Canary::check() {
  const FrameLog& log = worker_.end_of("canary");
  CHECK(log.outcome() == "done");
  CHECK(log.text() == expected_);
  Steady::duration gap{0};
  for (std::size_t i = 1; i < log.frames.size(); ++i) {
    gap = std::max(gap, log.frames[i].read_at - log.frames[i - 1].read_at);
  }
  // Gap between two reads. It includes the time in which the test itself wrote or waited elsewhere.
  MESSAGE("canary: largest gap " << std::chrono::duration_cast<Milliseconds>(gap).count() << " ms, events "
                                 << log.count("delta"));
}

DeafListener::DeafListener(bool full) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), length) == 0);
  REQUIRE(::listen(fd_, full ? 0 : 16) == 0);
  REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  port_ = ntohs(address.sin_port);
  for (bool connected = full; connected;) {
    const int filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    fillers_.push_back(filler);
    ::connect(filler, reinterpret_cast<sockaddr*>(&address), sizeof address);
    pollfd waiting{.fd = filler, .events = POLLOUT, .revents = 0};
    connected = ::poll(&waiting, 1, 100) == 1;
  }
}

DeafListener::~DeafListener() {
  for (int filler : fillers_) ::close(filler);
  ::close(fd_);
}

}  // namespace aiw::e2e
