#include <nlohmann/json.hpp>
#include <utility>

#include "tools/upstream/routes.hpp"

namespace aiw::tools {

namespace {

using nlohmann::json;

constexpr std::string_view kAnswer =
    "An AI worker is a small process that stands between a program and the language models it uses. The program "
    "writes one request a line; the worker talks to the provider, and hands the answer back piece by piece, as it "
    "arrives. It keeps nothing in between: everything a request needs comes with it. \xe2\x9c\x93";

constexpr std::string_view kOpenAiId = "chatcmpl-demo";
constexpr std::chrono::milliseconds kBetweenWords{25};

// Returns the words of the response, each with the space before it.
std::vector<std::string> words() {
  std::vector<std::string> out;
  std::string_view rest = kAnswer;
  while (!rest.empty()) {
    std::size_t length = rest.find(' ', 1);
    out.emplace_back(rest.substr(0, length));
    rest.remove_prefix(out.back().size());
  }
  return out;
}

// Event stream in which each event is one piece of the body, so every word is sent on its own.
class Stream {
 public:
  void event(std::string_view name, const json& data) {
    std::string text = name.empty() ? "" : "event: " + std::string(name) + "\n";
    add(text + "data: " + data.dump() + "\n\n");
  }
  void add(const std::string& text) {
    script_.body += text;
    script_.cut.sizes.push_back(text.size());
  }
  Script finish() && {
    script_.headers = {{"Content-Type", "text/event-stream"}};
    script_.cut.mode = Cut::Mode::kSizes;
    script_.delay_between = kBetweenWords;
    return std::move(script_);
  }

 private:
  Script script_;
};

json openai_usage(std::size_t output) {
  return {{"prompt_tokens", 12}, {"completion_tokens", output}, {"total_tokens", 12 + output}};
}

// developers.openai.com, API reference: chat completions, the object and its chunks.
Script openai_chat(const json& request, bool stream) {
  const std::string model = request.value("model", "demo-model");
  json base{{"id", kOpenAiId}, {"created", 1750000000}, {"model", model}};
  if (!stream) {
    base["object"] = "chat.completion";
    base["choices"] = {
        {{"index", 0}, {"message", {{"role", "assistant"}, {"content", kAnswer}}}, {"finish_reason", "stop"}}};
    base["usage"] = openai_usage(words().size());
    return json_script(200, base.dump());
  }
  base["object"] = "chat.completion.chunk";
  Stream out;
  auto chunk = [&](const json& delta, const json& finish) {
    json event = base;
    event["choices"] = {{{"index", 0}, {"delta", delta}, {"finish_reason", finish}}};
    out.event("", event);
  };
  chunk({{"role", "assistant"}, {"content", ""}}, nullptr);
  for (const std::string& word : words()) chunk({{"content", word}}, nullptr);
  chunk(json::object(), "stop");
  json last = base;
  last["choices"] = json::array();
  last["usage"] = openai_usage(words().size());
  out.event("", last);
  out.add("data: [DONE]\n\n");
  return std::move(out).finish();
}

// docs.anthropic.com: Messages, and "Streaming Messages".
Script anthropic_messages(const json& request, bool stream) {
  json message{{"id", "msg_demo"},
               {"type", "message"},
               {"role", "assistant"},
               {"model", request.value("model", "demo-model")},
               {"stop_sequence", nullptr}};
  if (!stream) {
    message["content"] = {{{"type", "text"}, {"text", kAnswer}}};
    message["stop_reason"] = "end_turn";
    message["usage"] = {{"input_tokens", 12}, {"output_tokens", words().size()}};
    return json_script(200, message.dump());
  }
  message["content"] = json::array();
  message["stop_reason"] = nullptr;
  message["usage"] = {{"input_tokens", 12}, {"output_tokens", 1}};
  Stream out;
  auto event = [&](const std::string& type, json data) {
    data["type"] = type;
    out.event(type, data);
  };
  event("message_start", {{"message", message}});
  event("content_block_start", {{"index", 0}, {"content_block", {{"type", "text"}, {"text", ""}}}});
  for (const std::string& word : words()) {
    event("content_block_delta", {{"index", 0}, {"delta", {{"type", "text_delta"}, {"text", word}}}});
  }
  event("content_block_stop", {{"index", 0}});
  event("message_delta", {{"delta", {{"stop_reason", "end_turn"}, {"stop_sequence", nullptr}}},
                          {"usage", {{"output_tokens", words().size()}}}});
  event("message_stop", json::object());
  return std::move(out).finish();
}

}  // namespace

Script demo_answer(const Request& request) {
  json body = json::parse(request.body, nullptr, false);
  if (!body.is_object()) return json_script(400, R"({"error":{"type":"invalid_request","message":"no JSON object"}})");
  bool stream = body.contains("stream") && body["stream"] == true;
  if (body.contains("model") && !body["model"].is_string()) body.erase("model");
  if (request.path().ends_with("/chat/completions")) return openai_chat(body, stream);
  if (request.path().ends_with("/messages")) return anthropic_messages(body, stream);
  return json_script(404, R"({"error":{"type":"not_found","message":"only the chat paths are served"}})");
}

}  // namespace aiw::tools
