#include "tools/soak/mixture.hpp"

#include <array>
#include <chrono>

namespace aiw::tools {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kPiece = "some words of an answer ";
constexpr int kPieces = 12;

std::string event(const Json& delta, const Json& finish_reason = nullptr) {
  return "data: " +
         Json{{"choices", Json::array({Json{{"index", 0}, {"delta", delta}, {"finish_reason", finish_reason}}})}}
             .dump() +
         "\n\n";
}

std::string ending(std::string_view reason) {
  return event(Json::object(), reason) +
         "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5}}\n\ndata: [DONE]\n\n";
}

Script stream(std::string body) {
  Script script;
  script.headers = {{"Content-Type", "text/event-stream"}};
  script.body = std::move(body);
  script.cut = {.mode = Cut::Mode::kRandom, .max_piece = 400};
  return script;
}

std::string pieces(int count) {
  std::string body;
  for (int i = 0; i < count; ++i) body += event({{"content", kPiece}});
  return body;
}

Script tool_call() {
  const Json call = {{"index", 0},
                     {"id", "call_1"},
                     {"type", "function"},
                     {"function", {{"name", "look"}, {"arguments", R"({"at":"something"})"}}}};
  return stream(event({{"tool_calls", Json::array({call})}}) + ending("tool_calls"));
}

// Stream that is much longer than any cancelled chat lasts.
Script slow() {
  Script script = stream(pieces(200));
  script.delay_between = std::chrono::milliseconds(20);
  return script;
}

Script broken() {
  Script script = stream(pieces(3));
  script.ending = Ending::kReset;
  script.end_after = script.body.size();
  return script;
}

// Every third request is refused as busy, whichever chat sent it. The retries of one chat may be refused several times.
Script busy_sometimes() {
  static int turn = 0;  // no lock: the server has one thread
  if (++turn % 3 != 0) return stream(pieces(kPieces) + ending("stop"));
  Script script = json_script(503, R"({"error":{"message":"busy"}})");
  script.headers.emplace_back("Retry-After-Ms", "20");
  return script;
}

Json payload_of(Kind kind, const std::string& url) {
  Json provider = {{"id", name_of(kind)}, {"type", "openai-chat"}, {"baseUrl", url + "/" + std::string(name_of(kind))}};
  Json payload = {{"modelId", "m"},
                  {"messages", Json::array({Json{{"role", "user"}, {"content", "A question of usual length?"}}})}};
  if (kind == Kind::mock) {
    const Json text = {{"text", kPiece}, {"repeat", kPieces}};
    provider = {{"id", "mock"},
                {"models", Json::array({Json{{"id", "m"}, {"script", Json::array({Json::array({text})})}}})}};
  }
  if (kind == Kind::tool)
    payload["tools"] = Json::array({Json{{"name", "look"}, {"inputSchema", {{"type", "object"}}}}});
  if (kind == Kind::retry) payload["retry"] = {{"max", 8}};
  payload["config"] = {{"providers", Json::array({provider})}};
  return payload;
}

}  // namespace

std::string_view name_of(Kind kind) {
  constexpr std::array<std::string_view, kKinds> kNames = {"text",    "mock",  "tool",  "cancel",
                                                           "refused", "retry", "broken"};
  return kNames[static_cast<std::size_t>(kind)];
}

Kind kind_of(std::size_t number) {
  constexpr std::array kTurns = {Kind::text, Kind::mock,    Kind::tool,  Kind::text, Kind::cancel,
                                 Kind::text, Kind::refused, Kind::retry, Kind::mock, Kind::broken};
  return kTurns[number % kTurns.size()];
}

std::string chat_line(std::size_t number, Kind kind, const std::string& upstream_url) {
  const Json line = {{"id", std::to_string(number)}, {"type", "chat"}, {"payload", payload_of(kind, upstream_url)}};
  return line.dump() + "\n";
}

Script answer(const Request& request) {
  const std::string_view path = request.path();
  const auto asks = [&](Kind kind) { return path.substr(1).starts_with(name_of(kind)); };
  if (asks(Kind::refused)) return json_script(400, R"({"error":{"message":"no","type":"invalid_request_error"}})");
  if (asks(Kind::cancel)) return slow();
  if (asks(Kind::broken)) return broken();
  if (asks(Kind::retry)) return busy_sometimes();
  if (asks(Kind::tool) && request.body.find(R"("tool_call_id")") == std::string::npos) return tool_call();
  return stream(pieces(kPieces) + ending("stop"));
}

std::string end_of(const Json& frame, Kind kind) {
  const Json& data = frame.at("data");
  if (frame.at("type") != "done") return data.at("code");
  const std::string reason = data.at("finishReason");
  if (reason != "stop") return reason;
  std::string whole;
  for (int i = 0; i < kPieces; ++i) whole += kPiece;
  const Json& messages = data.at("messages");
  const bool complete = !messages.empty() && messages.back().dump().find(whole) != std::string::npos;
  return complete || kind == Kind::cancel ? "done" : "cut";
}

bool is_right(std::string_view end, Kind kind) {
  switch (kind) {
    case Kind::cancel: return end == "cancelled";
    case Kind::refused: return end == "upstream_http";
    case Kind::broken: return end == "upstream_reset";
    // Many chats do not retry a busy provider at the same time, so a chat may fail with upstream_http.
    case Kind::retry: return end == "done" || end == "upstream_http";
    default: return end == "done";
  }
}

}  // namespace aiw::tools
