// What is sent to the Messages API for a chat line.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "protocol/decode.hpp"
#include "tests/providers/corpus.hpp"
#include "worker/providers/anthropic_messages.hpp"

using namespace aiw;
using namespace aiw::testing;
using nlohmann::json;

namespace {

struct Chat {
  [[nodiscard]] std::expected<BuiltRequest, Error> build(bool offer_tools = true) const {
    return build_anthropic_messages(
        {.chat = *request, .messages = request->messages, .target = target, .offer_tools = offer_tools});
  }

  std::unique_ptr<ChatRequest> request;
  Target target;
};

// A chat line decoded as the worker does it, and the target it goes to.
Chat chat_of(const json& payload) {
  const json line = {{"id", "1"}, {"type", "chat"}, {"payload", payload}};
  auto decoded = decode_line({line.dump(), false});
  REQUIRE(std::holds_alternative<std::unique_ptr<ChatRequest>>(decoded));
  Target target;
  target.provider_id = "anthropic";
  target.model = "claude-sonnet-4-5";
  target.api = Api::anthropic_messages;
  target.base_url = "https://api.anthropic.com";
  target.api_key = "sk-test";
  return {std::get<std::unique_ptr<ChatRequest>>(std::move(decoded)), std::move(target)};
}

json parse_strictly(const std::string& text) {
  std::vector<std::set<std::string>> keys;
  bool duplicate = false;
  const auto check = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key)
      duplicate = duplicate || !keys.back().insert(parsed.get<std::string>()).second;
    return true;
  };
  json parsed = json::parse(text, check);
  CHECK_FALSE(duplicate);
  return parsed;
}

std::string body_text(const Chat& chat, bool offer_tools = true) {
  auto built = chat.build(offer_tools);
  REQUIRE(built);
  return built->http.body.str();
}

json sent(const Chat& chat, bool offer_tools = true) { return parse_strictly(body_text(chat, offer_tools)); }
json body_of(const json& payload) { return sent(chat_of(payload)); }

std::vector<std::string> notes_of(const Chat& chat) {
  const auto built = chat.build();
  REQUIRE(built);
  std::vector<std::string> codes;
  for (const auto& note : built->notes) codes.push_back(note.code);
  return codes;
}

json with_model(const json& payload, std::string model) {
  Chat chat = chat_of(payload);
  chat.target.model = std::move(model);
  return sent(chat);
}

json user(const json& content) { return {{"role", "user"}, {"content", content}}; }
json assistant(const json& content) { return {{"role", "assistant"}, {"content", content}}; }
json tool(const json& content) { return {{"role", "tool"}, {"content", content}}; }
json text(std::string_view value) { return {{"type", "text"}, {"text", value}}; }
json call(std::string_view id, const json& input = json::object()) {
  return {{"type", "tool-call"}, {"toolCallId", id}, {"toolName", "f"}, {"input", input}};
}
json result(std::string_view id, const json& output) {
  return {{"type", "tool-result"}, {"toolCallId", id}, {"toolName", "f"}, {"output", output}};
}
json text_output(std::string_view value) { return {{"type", "text"}, {"value", value}}; }
json weather_tool() {
  return {{"name", "weather"}, {"description", "Tells the weather"}, {"inputSchema", {{"type", "object"}}}};
}

std::string header(const BuiltRequest& built, std::string_view name) {
  const auto found = std::ranges::find(built.http.headers, name, &Header::name);
  return found == built.http.headers.end() ? "" : found->value;
}

}  // namespace

TEST_CASE("the smallest request, byte by byte") {
  CHECK(body_text(chat_of({{"messages", {user("Hi \"é\"\n")}}})) ==
        R"({"stream":true,"model":"claude-sonnet-4-5","max_tokens":4096,"messages":)"
        R"([{"role":"user","content":[{"type":"text","text":"Hi \"é\"\n"}]}]})");
}

TEST_CASE("the URL is the endpoint, whatever form the base has") {
  Chat chat = chat_of({{"messages", {user("x")}}});
  for (const std::string_view base : {"https://h", "https://h/", "https://h/v1", "https://h/v1/"}) {
    chat.target.base_url = base;
    CHECK(chat.build()->http.url == "https://h/v1/messages");
  }
  chat.target.base_url = "https://gateway/anthropic";
  CHECK(chat.build()->http.url == "https://gateway/anthropic/v1/messages");
  chat.target.base_url = "";
  CHECK(chat.build()->http.url == "https://api.anthropic.com/v1/messages");
}

TEST_CASE("headers: the key is secret, the config's own win") {
  Chat chat = chat_of({{"messages", {user("x")}}});
  auto built = chat.build();
  CHECK(header(*built, "anthropic-version") == "2023-06-01");
  CHECK(header(*built, "content-type") == "application/json");
  CHECK(header(*built, "accept") == "text/event-stream");
  CHECK(header(*built, "x-api-key") == "sk-test");
  CHECK(std::ranges::find(built->http.headers, "x-api-key", &Header::name)->secret);

  chat.target.headers = {{"Authorization", "Bearer t", true}, {"Anthropic-Version", "2030-01-01"}};
  built = chat.build();
  CHECK(header(*built, "x-api-key").empty());
  CHECK(header(*built, "anthropic-version").empty());
  CHECK(header(*built, "Anthropic-Version") == "2030-01-01");
  CHECK(header(*built, "Authorization") == "Bearer t");

  chat.target.headers.clear();
  chat.target.api_key.clear();
  CHECK(header(*chat.build(), "x-api-key").empty());
}

TEST_CASE("a unary answer is asked for by stream false") {
  Chat chat = chat_of({{"messages", {user("x")}}, {"stream", {{"upstream", false}}}});
  CHECK(sent(chat)["stream"] == false);
  CHECK(header(*chat.build(), "accept") == "application/json");
}

TEST_CASE("system: the request's and leading messages are lifted, a later one stays in place") {
  const auto body = body_of({{"system", "A"},
                             {"messages",
                              {{{"role", "system"}, {"content", "B"}},
                               {{"role", "system"}, {"content", " "}},
                               user("x"),
                               {{"role", "system"}, {"content", "C"}},
                               assistant("y"),
                               user("z")}}});
  CHECK(body["system"] == json::array({text("A"), text("B")}));
  CHECK(body["messages"][0]["content"] == json::array({text("x"), text("<system>C</system>")}));
  CHECK(body["messages"].size() == 3);
}

TEST_CASE("turns alternate, neighbours are merged, blank text is left out") {
  const auto body = body_of({{"messages",
                              {user("a"), user(json::array({text(" \n\t"), text("b")})), assistant(""), user("c"),
                               assistant("d"), assistant("e"), user("f")}}});
  REQUIRE(body["messages"].size() == 3);
  CHECK(body["messages"][0] == user(json::array({text("a"), text("b"), text("c")})));
  CHECK(body["messages"][1] == assistant(json::array({text("d"), text("e")})));
  CHECK(body["messages"][2] == user(json::array({text("f")})));
}

TEST_CASE("the first turn is the user's") {
  const Chat chat = chat_of({{"messages", {assistant("Hello"), user("Hi")}}});
  CHECK(sent(chat)["messages"][0] == user(json::array({text(".")})));
  CHECK(notes_of(chat) == std::vector<std::string>{"user_turn_added"});
}

TEST_CASE("the white space that ends a prefill is trimmed, other text is not") {
  const auto body = body_of({{"messages", {user("a \n"), assistant("b \n"), user("c"), assistant("d\té \r\n\t ")}}});
  CHECK(body["messages"][0]["content"][0]["text"] == "a \n");
  CHECK(body["messages"][1]["content"][0]["text"] == "b \n");
  CHECK(body["messages"][3]["content"][0]["text"] == "d\té");
}

TEST_CASE("nothing to send is an error with a pointer") {
  const auto built = chat_of({{"messages", {{{"role", "system"}, {"content", "s"}}, user(" ")}}}).build();
  REQUIRE(!built);
  CHECK(built.error().code == "invalid_request");
  CHECK(built.error().pointer == "/payload/messages");
}

TEST_CASE("calls and their results: results first in the user turn, all of a batch in one") {
  const auto body = body_of({{"messages",
                              {user("go"), assistant(json::array({text("ok"), call("t1", {{"a", 1}}), call("t2")})),
                               user("and this"), tool(json::array({result("t1", text_output("one"))})),
                               tool(json::array({result("t2", text_output("two"))}))}}});
  REQUIRE(body["messages"].size() == 3);
  CHECK(body["messages"][1]["content"][1] ==
        json({{"type", "tool_use"}, {"id", "t1"}, {"name", "f"}, {"input", {{"a", 1}}}}));
  const json& turn = body["messages"][2]["content"];
  REQUIRE(turn.size() == 3);
  CHECK(turn[0] == json({{"type", "tool_result"}, {"tool_use_id", "t1"}, {"content", {text("one")}}}));
  CHECK(turn[1]["tool_use_id"] == "t2");
  CHECK(turn[2] == text("and this"));
}

TEST_CASE("every type of tool output") {
  const auto content_of = [](const json& output) {
    return body_of({{"messages",
                     {user("go"), assistant(json::array({call("t")})), tool(json::array({result("t", output)}))}}})
        .at("messages")[2]["content"][0];
  };
  CHECK(content_of({{"type", "json"}, {"value", {{"k", "\"v\""}}}})["content"] ==
        json::array({text(R"({"k":"\"v\""})")}));
  CHECK(content_of({{"type", "error-text"}, {"value", "no"}})["is_error"] == true);
  CHECK(content_of({{"type", "error-text"}, {"value", "no"}})["content"] == json::array({text("no")}));
  CHECK(content_of({{"type", "error-json"}, {"value", {1}}})["content"] == json::array({text("[1]")}));
  CHECK(content_of({{"type", "error-json"}, {"value", {1}}})["is_error"] == true);
  CHECK(!content_of(text_output("")).contains("content"));
  CHECK(!content_of(text_output("x")).contains("is_error"));
  const auto rich = content_of({{"type", "content"},
                                {"value",
                                 {text("see"),
                                  {{"type", "image"}, {"mediaType", "image/png"}, {"data", "AAAA"}},
                                  {{"type", "audio"}, {"mediaType", "audio/wav"}, {"data", "AAAA"}}}}});
  CHECK(rich["content"] ==
        json::array(
            {text("see"),
             {{"type", "image"}, {"source", {{"type", "base64"}, {"media_type", "image/png"}, {"data", "AAAA"}}}}}));
}

TEST_CASE("a call's input must be an object") {
  for (const json& input : {json(nullptr), json("text"), json({1, 2})}) {
    const Chat chat = chat_of({{"messages", {user("go"), assistant(json::array({call("t", input)})), user("x")}}});
    CHECK(sent(chat)["messages"][1]["content"][0]["input"] == json::object());
    // A missing input is an empty one, and nothing to note.
    CHECK(notes_of(chat).empty() == input.is_null());
  }
}

TEST_CASE("images and documents") {
  const auto block = [](const json& part) {
    return body_of({{"messages", {user(json::array({part}))}}})["messages"][0]["content"][0];
  };
  const auto source = [](std::string_view type, std::string_view data) {
    return json{{"type", "base64"}, {"media_type", type}, {"data", data}};
  };
  CHECK(block({{"type", "image"}, {"mediaType", "image/jpg"}, {"data", "AA"}}) ==
        json({{"type", "image"}, {"source", source("image/jpeg", "AA")}}));
  CHECK(block({{"type", "image"}, {"data", "iVBORw0KGgoAAAA"}})["source"]["media_type"] == "image/png");
  CHECK(block({{"type", "image"}, {"mediaType", "image/*"}, {"data", "/9j/4AAQ"}})["source"]["media_type"] ==
        "image/jpeg");
  CHECK(block({{"type", "image"}, {"url", "https://x/y.png"}}) ==
        json({{"type", "image"}, {"source", {{"type", "url"}, {"url", "https://x/y.png"}}}}));
  CHECK(block({{"type", "file"}, {"mediaType", "image/webp"}, {"url", "data:image/webp;base64,UklGR"}}) ==
        json({{"type", "image"}, {"source", source("image/webp", "UklGR")}}));
  CHECK(block({{"type", "file"}, {"mediaType", "application/pdf"}, {"data", "JVBERi"}, {"filename", "a.pdf"}}) ==
        json({{"type", "document"}, {"source", source("application/pdf", "JVBERi")}, {"title", "a.pdf"}}));
  CHECK(block({{"type", "file"}, {"mediaType", "application/pdf"}, {"url", "https://x/a.pdf"}}) ==
        json({{"type", "document"}, {"source", {{"type", "url"}, {"url", "https://x/a.pdf"}}}}));
  CHECK(block({{"type", "file"}, {"mediaType", "text/markdown; charset=utf-8"}, {"data", "IyBIw6kK"}}) ==
        json({{"type", "document"}, {"source", {{"type", "text"}, {"media_type", "text/plain"}, {"data", "# Hé\n"}}}}));
}

TEST_CASE("media that the API has no block for is an error with a pointer") {
  for (const json& part : {json{{"type", "audio"}, {"mediaType", "audio/wav"}, {"data", "AA"}},
                           json{{"type", "file"}, {"mediaType", "application/zip"}, {"data", "AA"}},
                           json{{"type", "file"}, {"mediaType", "text/plain"}, {"url", "https://x/a.txt"}}}) {
    const auto built = chat_of({{"messages", {user("hi"), user(json::array({part}))}}}).build();
    REQUIRE(!built);
    CHECK(built.error().category == Category::invalid_request);
    CHECK(built.error().pointer == "/payload/messages/1");
  }
}

TEST_CASE("tools, and what the choice between them becomes") {
  const auto choice = [](json payload, bool offer_tools = true) {
    payload["messages"] = json::array({user("x")});
    payload["tools"] = json::array({weather_tool()});
    const json body = sent(chat_of(payload), offer_tools);
    CHECK(body["tools"] ==
          json({{{"name", "weather"}, {"description", "Tells the weather"}, {"input_schema", {{"type", "object"}}}}}));
    return body.value("tool_choice", json());
  };
  CHECK(choice(json::object()) == nullptr);
  CHECK(choice({{"toolChoice", "auto"}}) == json{{"type", "auto"}});
  CHECK(choice({{"toolChoice", "required"}}) == json{{"type", "any"}});
  CHECK(choice({{"toolChoice", "none"}}) == json{{"type", "none"}});
  CHECK(choice({{"toolChoice", {{"type", "tool"}, {"toolName", "weather"}}}}) ==
        json{{"type", "tool"}, {"name", "weather"}});
  CHECK(choice({{"parallelToolCalls", false}}) == json{{"type", "auto"}, {"disable_parallel_tool_use", true}});
  CHECK(choice({{"toolChoice", "required"}}, false) == json{{"type", "none"}});
}

TEST_CASE("a tool without a schema takes any object") {
  const auto body = body_of({{"messages", {user("x")}}, {"tools", {{{"name", "now"}}}}});
  CHECK(body["tools"][0] ==
        json{{"name", "now"}, {"input_schema", {{"type", "object"}, {"properties", json::object()}}}});
}

TEST_CASE("max_tokens: the request's, else the model's, never above what the model has") {
  const auto max_tokens = [](const json& asked, std::optional<std::int64_t> limit,
                             std::string model = "claude-sonnet-4-5") {
    json payload = {{"messages", {user("x")}}};
    if (!asked.is_null()) payload["maxOutputTokens"] = asked;
    Chat chat = chat_of(payload);
    chat.target.max_tokens = limit;
    chat.target.model = std::move(model);
    return sent(chat)["max_tokens"];
  };
  CHECK(max_tokens(nullptr, std::nullopt) == 4096);
  CHECK(max_tokens(100, std::nullopt) == 100);
  CHECK(max_tokens(nullptr, 8000) == 8000);
  CHECK(max_tokens(nullptr, 200'000) == 32'000);
  CHECK(max_tokens(nullptr, 200'000, "claude-3-5-haiku-latest") == 8192);
  CHECK(max_tokens(60'000, 64'000) == 60'000);
  CHECK(max_tokens(100'000, 64'000) == 64'000);
}

TEST_CASE("thinking: by budget for older models, adaptive with an effort for newer ones") {
  const auto thinking = [](const json& reasoning, std::string model) {
    const json body = with_model({{"messages", {user("x")}}, {"reasoning", reasoning}}, std::move(model));
    return std::pair(body.value("thinking", json()), body.value("output_config", json()));
  };
  const auto enabled = [](int budget) { return json{{"type", "enabled"}, {"budget_tokens", budget}}; };
  const json adaptive = {{"type", "adaptive"}};
  CHECK(thinking({{"budgetTokens", 2000}}, "claude-sonnet-4-5") == std::pair(enabled(2000), json()));
  CHECK(thinking({{"budgetTokens", 10}}, "claude-3-7-sonnet-20250219") == std::pair(enabled(1024), json()));
  CHECK(thinking({{"budgetTokens", 0}}, "claude-sonnet-4-5") == std::pair(json(), json()));
  CHECK(thinking({{"effort", "low"}}, "claude-opus-4-20250514") == std::pair(enabled(4096), json()));
  CHECK(thinking({{"effort", "medium"}}, "some-other-model") == std::pair(enabled(8192), json()));
  CHECK(thinking({{"effort", "high"}}, "claude-opus-4-6") == std::pair(adaptive, json{{"effort", "high"}}));
  CHECK(thinking({{"effort", "minimal"}}, "claude-fable-5") == std::pair(adaptive, json{{"effort", "low"}}));
  CHECK(thinking({{"effort", "none"}}, "claude-opus-4-6") == std::pair(json(), json()));
  CHECK(thinking({{"budgetTokens", 2000}}, "claude-sonnet-4.6") == std::pair(enabled(2000), json()));
  CHECK(thinking({{"budgetTokens", 2000}}, "claude-opus-4-7") == std::pair(adaptive, json()));
}

TEST_CASE("a thinking budget is always less than max_tokens") {
  const auto limits = [](std::int64_t budget, const json& asked, std::optional<std::int64_t> limit) {
    json payload = {{"messages", {user("x")}}, {"reasoning", {{"budgetTokens", budget}}}};
    if (!asked.is_null()) payload["maxOutputTokens"] = asked;
    Chat chat = chat_of(payload);
    chat.target.max_tokens = limit;
    const json body = sent(chat);
    return std::pair(body["max_tokens"].get<int>(),
                     body.contains("thinking") ? body["thinking"]["budget_tokens"].get<int>() : 0);
  };
  CHECK(limits(2000, 8000, std::nullopt) == std::pair(8000, 2000));
  CHECK(limits(8000, 1000, std::nullopt) == std::pair(9000, 8000));
  CHECK(limits(8000, 1000, 6000) == std::pair(6000, 5999));
  CHECK(limits(8000, 100, 500) == std::pair(500, 0));
  CHECK(limits(1'000'000'000'000, nullptr, std::nullopt).second < 1'000'001);
}

TEST_CASE("temperature and topP go where the model takes them") {
  const auto sampling = [](json payload, std::string model) {
    payload["messages"] = json::array({user("x")});
    const json body = with_model(payload, std::move(model));
    return std::pair(body.value("temperature", json()), body.value("top_p", json()));
  };
  CHECK(sampling({{"temperature", 0.5}}, "claude-sonnet-4-5") == std::pair(json(0.5), json()));
  CHECK(sampling({{"temperature", 1.5}}, "claude-sonnet-4-5") == std::pair(json(1.0), json()));
  CHECK(sampling({{"topP", 0.25}}, "claude-sonnet-4-5") == std::pair(json(), json(0.25)));
  CHECK(sampling({{"temperature", 0.5}, {"topP", 0.25}}, "claude-sonnet-4-5") == std::pair(json(0.5), json()));
  CHECK(sampling({{"temperature", 0.5}, {"topP", 0.25}}, "claude-3-5-haiku-latest") ==
        std::pair(json(0.5), json(0.25)));
  CHECK(sampling({{"temperature", 0.5}}, "claude-opus-4-7") == std::pair(json(), json()));
  CHECK(sampling({{"temperature", 0.5}, {"reasoning", {{"budgetTokens", 2000}}}}, "claude-sonnet-4-5") ==
        std::pair(json(), json()));
  CHECK(notes_of(chat_of({{"messages", {user("x")}}, {"temperature", 0.5}, {"reasoning", {{"effort", "low"}}}})) ==
        std::vector<std::string>{"max_tokens_raised", "sampling_dropped"});
}

TEST_CASE("a forced tool choice wins over a thinking budget") {
  const Chat chat = chat_of({{"messages", {user("x")}},
                             {"tools", {weather_tool()}},
                             {"toolChoice", "required"},
                             {"reasoning", {{"budgetTokens", 2000}}}});
  CHECK(!sent(chat).contains("thinking"));
  CHECK(notes_of(chat) == std::vector<std::string>{"thinking_dropped"});
}

TEST_CASE("stop sequences and output by schema") {
  const json schema = {{"type", "object"}};
  const auto body = with_model({{"messages", {user("x")}},
                                {"stopSequences", {"END", "\n\n"}},
                                {"reasoning", {{"effort", "low"}}},
                                {"responseFormat", {{"type", "json"}, {"schema", schema}}}},
                               "claude-opus-4-6");
  CHECK(body["stop_sequences"] == json({"END", "\n\n"}));
  CHECK(body["output_config"] == json{{"effort", "low"}, {"format", {{"type", "json_schema"}, {"schema", schema}}}});
  const Chat plain = chat_of({{"messages", {user("x")}}, {"responseFormat", {{"type", "json"}}}, {"seed", 7}});
  CHECK(!sent(plain).contains("output_config"));
  CHECK(!sent(plain).contains("seed"));
  CHECK(notes_of(plain) == std::vector<std::string>{"option_unsupported"});
}

TEST_CASE("providerOptions replace ours, once, before the messages; those we must own stay") {
  const Chat chat = chat_of({{"messages", {user("x")}},
                             {"system", "mine"},
                             {"temperature", 0.5},
                             {"providerOptions",
                              {{"max_tokens", 7},
                               {"system", "theirs"},
                               {"temperature", 0.9},
                               {"top_k", 5},
                               {"messages", json::array()},
                               {"stream", false}}}});
  const std::string text = body_text(chat);
  const json body = parse_strictly(text);
  CHECK(body["max_tokens"] == 7);
  CHECK(body["system"] == "theirs");
  CHECK(body["temperature"] == 0.9);
  CHECK(body["top_k"] == 5);
  CHECK(body["stream"] == true);
  CHECK(body["messages"].size() == 1);
  CHECK(text.rfind(R"(,"messages":[{"role")") > text.find("top_k"));
  CHECK(notes_of(chat) == std::vector<std::string>{"provider_option_dropped"});
}

TEST_CASE("reasoning and provider parts go back only with our own state") {
  const auto reasoning = [](std::string_view thought, std::string_view state) {
    return json{{"type", "reasoning"}, {"text", thought}, {"providerState", state}};
  };
  const Chat chat = chat_of(
      {{"messages",
        {user("x"),
         assistant(json::array({reasoning("signed", R"(anthropic-messages:{"signature":"S+/="})"),
                                reasoning("foreign", "openai-chat:abc"),
                                reasoning("blank", R"(anthropic-messages:{"signature":""})"),
                                reasoning("broken", "anthropic-messages:{\"signature\":"),
                                reasoning("injected", R"(anthropic-messages:{"type":"x"},{})"),
                                {{"type", "reasoning"}, {"text", "bare"}},
                                {{"type", "provider"},
                                 {"providerState", R"(anthropic-messages:{"type":"redacted_thinking","data":"d"})"}},
                                {{"type", "provider"}, {"providerState", "gemini:zz"}},
                                text("answer")})),
         user("y")}}});
  CHECK(sent(chat)["messages"][1]["content"] ==
        json({{{"type", "thinking"}, {"thinking", "signed"}, {"signature", "S+/="}},
              {{"type", "redacted_thinking"}, {"data", "d"}},
              text("answer")}));
  CHECK(notes_of(chat) == std::vector<std::string>{"reasoning_dropped", "provider_part_dropped"});
}

TEST_CASE("the body of a longer history begins with the same bytes, up to the last message") {
  json messages = json::array({{{"role", "system"}, {"content", "be brief"}}, user("one")});
  const std::string long_text(2000, 'x');
  const json more = json::array({assistant(json::array({text("two"), call("t1", {{"a", 1}})})),
                                 tool(json::array({result("t1", text_output(long_text))})), assistant("three"),
                                 user("four"), assistant("five"), user("six")});
  const json base = {{"system", "s"}, {"tools", {weather_tool()}}, {"temperature", 0.5}};
  const auto build = [&] {
    json payload = base;
    payload["messages"] = messages;
    return body_text(chat_of(payload));
  };
  std::string shorter = build();
  for (const json& message : more) {
    messages.push_back(message);
    const std::string longer = build();
    const auto last = shorter.rfind("{\"role\":");
    CHECK(longer.substr(0, last) == shorter.substr(0, last));
    CHECK(longer == build());
    shorter = longer;
  }
}

// The assistant message that the loop makes of a step.
json assistant_from(const RecordingSink& step) {
  std::map<int, json> parts;
  for (const auto& [number, part] : step.parts) {
    if (part.kind == ContentKind::tool_input) continue;
    parts[number] = {{"type", part.kind == ContentKind::reasoning ? "reasoning" : "text"}, {"text", part.text}};
  }
  for (const auto& [number, called] : step.calls) {
    if (called.by_provider) continue;
    parts[number] = {{"type", "tool-call"},
                     {"toolCallId", called.id},
                     {"toolName", called.name},
                     {"input", json::parse(called.input_text)}};
  }
  for (const auto& [number, state] : step.states) {
    if (parts.find(number) == parts.end()) parts[number] = {{"type", "provider"}};
    parts[number]["providerState"] = state;
  }
  json content = json::array();
  for (auto& [number, part] : parts) content.push_back(std::move(part));
  return assistant(content);
}

TEST_CASE("what a step brought goes back as it came: thinking, server tools and calls, in order") {
  const json content = json::array(
      {{{"type", "thinking"}, {"thinking", "Let me é \"think\"."}, {"signature", "EqQBCkYIBxgC/+abc=="}},
       {{"type", "redacted_thinking"}, {"data", "EmwKAhgBEgy3va3pzix/LafPsn4a"}},
       {{"type", "thinking"}, {"thinking", ""}, {"signature", "c2lnbmVk"}},
       text("Searching 日本."),
       {{"type", "server_tool_use"}, {"id", "srv_1"}, {"name", "web_search"}, {"input", {{"query", "東京 😀"}}}},
       {{"type", "web_search_tool_result"},
        {"tool_use_id", "srv_1"},
        {"content", {{{"type", "web_search_result"}, {"encrypted_content", "Eo8/+="}, {"title", "東"}}}}},
       {{"type", "tool_use"},
        {"id", "toolu_1"},
        {"name", "f"},
        {"input", {{"city", "Zürich"}}},
        {"caller", {{"type", "code_execution"}, {"tool_id", "srv_2"}}}},
       {{"type", "tool_use"}, {"id", "toolu_2"}, {"name", "f"}, {"input", json::object()}}});
  const json answer = {{"id", "m"},
                       {"type", "message"},
                       {"content", content},
                       {"stop_reason", "tool_use"},
                       {"usage", {{"input_tokens", 1}, {"output_tokens", 1}}}};
  const auto step = decode(anthropic_messages_api(), BodyFormat::unary, answer.dump());
  REQUIRE(step.finished);
  const json message = assistant_from(step);
  const auto results = tool(json::array({result("toolu_1", text_output("1")), result("toolu_2", text_output("2"))}));
  const auto body = body_of({{"messages", {user("x"), message, results}}});
  CHECK(body["messages"][1]["content"] == content);
  CHECK(body["messages"].size() == 3);
}

TEST_CASE("a recorded stream of thinking and a call goes back byte-exact") {
  const auto data = [](const json& value) { return "data: " + value.dump() + "\n\n"; };
  const auto delta = [&](int index, const json& change) {
    return data({{"type", "content_block_delta"}, {"index", index}, {"delta", change}});
  };
  const std::string stream =
      data({{"type", "message_start"}, {"message", {{"id", "m"}, {"usage", {{"input_tokens", 1}}}}}}) +
      data({{"type", "content_block_start"},
            {"index", 0},
            {"content_block", {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}}}}) +
      delta(0, {{"type", "thinking_delta"}, {"thinking", "I need\n"}}) +
      delta(0, {{"type", "thinking_delta"}, {"thinking", "Zürich 😀"}}) +
      delta(0, {{"type", "signature_delta"},
                {"signature", "WaUjzkypQ2mUEVM36O2TxuC06KN8xyfbJwyem2dw3URve/op91XWHOEBLLqIOMfFG/UvLEczmEsUjavL=="}}) +
      data({{"type", "content_block_stop"}, {"index", 0}}) +
      data({{"type", "content_block_start"},
            {"index", 1},
            {"content_block", {{"type", "tool_use"}, {"id", "toolu_1"}, {"name", "f"}, {"input", json::object()}}}}) +
      delta(1, {{"type", "input_json_delta"}, {"partial_json", ""}}) +
      delta(1, {{"type", "input_json_delta"}, {"partial_json", "{\"city\": \"Zü"}}) +
      delta(1, {{"type", "input_json_delta"}, {"partial_json", "rich\"}"}}) +
      data({{"type", "content_block_stop"}, {"index", 1}}) +
      data({{"type", "message_delta"}, {"delta", {{"stop_reason", "tool_use"}}}, {"usage", {{"output_tokens", 3}}}}) +
      data({{"type", "message_stop"}});
  const auto step = decode(anthropic_messages_api(), BodyFormat::stream, stream);
  REQUIRE(step.finished == FinishReason::tool_calls);
  const auto text = body_text(chat_of(
      {{"messages", {user("x"), assistant_from(step), tool(json::array({result("toolu_1", text_output("ok"))}))}}}));
  CHECK(text.find(R"({"role":"assistant","content":[{"type":"thinking","thinking":"I need\nZürich 😀","signature":)"
                  R"("WaUjzkypQ2mUEVM36O2TxuC06KN8xyfbJwyem2dw3URve/op91XWHOEBLLqIOMfFG/UvLEczmEsUjavL=="},)"
                  R"({"type":"tool_use","id":"toolu_1","name":"f","input":{"city":"Zürich"}}]})") != std::string::npos);
}

TEST_CASE("recorded answers go back as they came") {
  const auto root = corpus_root();
  if (!root) {
    MESSAGE("skipped: the corpus is not there (AIW_CORPUS)");
    return;
  }
  int compared = 0;
  for (const auto& test_case : load_corpus(*root, "anthropic-messages")) {
    if (test_case.streaming || test_case.head.status != 200) continue;
    json content = json::parse(test_case.body).at("content");
    for (auto& block : content) {
      block.erase("citations");
      if (block.value("caller", json()) == json{{"type", "direct"}} && block["type"] == "tool_use")
        block.erase("caller");
    }
    std::erase_if(content.get_ref<json::array_t&>(), [](const json& block) {
      return block["type"] == "text" &&
             block["text"].get<std::string>().find_first_not_of(" \n\t\r") == std::string::npos;
    });
    if (content.empty()) continue;
    const auto step = decode(anthropic_messages_api(), BodyFormat::unary, test_case.body);
    const auto body = body_of({{"messages", {user("x"), assistant_from(step), user("y")}}});
    CAPTURE(test_case.id);
    CHECK(body["messages"][1]["content"] == content);
    ++compared;
  }
  CHECK(compared > 50);
}

TEST_CASE("HTTP errors keep the API's words") {
  ResponseHead head;
  head.status = 529;
  head.headers = {{"request-id", "req_9"}};
  const auto error = anthropic_messages_api().http_error(
      head, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_9"})");
  CHECK(error.code == "upstream_http");
  CHECK(error.category == Category::overloaded);
  CHECK(error.provider_code == "overloaded_error");
  CHECK(error.message == "Overloaded");
  CHECK(error.request_id == "req_9");
  CHECK(error.retryable);
}
