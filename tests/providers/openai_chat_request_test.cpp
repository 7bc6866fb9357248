#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <nlohmann/json.hpp>

#include "tests/providers/corpus.hpp"
#include "worker/providers/openai_chat.hpp"

using namespace aiw;
using nlohmann::json;

namespace {

struct Fixture {
  ChatRequest chat;
  Target target;
  bool offer_tools = true;

  Fixture() {
    target.model = target.shown_as = "gpt-4o";
    target.base_url = "https://api.openai.com/v1";
    target.api_key = "sk-secret";
  }

  void say(Role role, std::vector<Part> parts) { chat.messages.push_back({role, std::move(parts)}); }
  void user(std::string_view raw) { say(Role::user, {TextPart{{raw}}}); }

  [[nodiscard]] std::expected<BuiltRequest, Error> build() const {
    return build_openai_chat({chat, chat.messages, target, offer_tools});
  }
  [[nodiscard]] std::string text() const {
    const auto built = build();
    REQUIRE(built);
    return built->http.body.str();
  }
  // Strict, so that a duplicate key or a stray comma fails.
  [[nodiscard]] json body() const {
    std::vector<std::vector<std::string>> keys;
    const auto unique = [&](int, json::parse_event_t event, json& value) {
      if (event == json::parse_event_t::object_start) keys.emplace_back();
      if (event == json::parse_event_t::object_end) keys.pop_back();
      if (event == json::parse_event_t::key) {
        const auto name = value.get<std::string>();
        CHECK(std::ranges::find(keys.back(), name) == keys.back().end());
        keys.back().push_back(name);
      }
      return true;
    };
    return json::parse(text(), unique);
  }
};

ToolCallPart tool_call(std::string_view id, std::string_view input, std::string_view input_text = {}) {
  return {{id}, {"f"}, {input}, {input_text}, {}};
}

ToolResultPart result(std::string_view id, ToolOutputType type, std::string_view value, std::vector<Part> parts = {}) {
  return {{id}, {"f"}, std::make_shared<ToolOutput>(ToolOutput{type, {value}, std::move(parts)})};
}

std::vector<std::string> codes(const BuiltRequest& built) {
  std::vector<std::string> out;
  for (const auto& note : built.notes) out.push_back(note.code);
  return out;
}

}  // namespace

TEST_CASE("the smallest request, byte for byte") {
  Fixture f;
  f.user("hi \\u20ac\\n");
  CHECK(f.text() == R"({"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true},)"
                    R"("messages":[{"role":"user","content":[{"type":"text","text":"hi \u20ac\n"}]}]})");
  f.chat.stream.upstream = false;
  CHECK(f.text() ==
        R"({"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"text","text":"hi \u20ac\n"}]}]})");
}

TEST_CASE("address and headers") {
  Fixture f;
  f.target.base_url = "http://localhost:8000/v1/";
  auto built = f.build();
  REQUIRE(built);
  CHECK(built->http.method == "POST");
  CHECK(built->http.url == "http://localhost:8000/v1/chat/completions");
  const auto find = [&](std::string_view name) {
    const Header* found = nullptr;
    for (const auto& header : built->http.headers) {
      if (header.name == name) found = &header;
    }
    return found;
  };
  REQUIRE(find("Authorization") != nullptr);
  CHECK(find("Authorization")->value == "Bearer sk-secret");
  CHECK(find("Authorization")->secret);
  CHECK(find("Accept")->value == "text/event-stream");

  f.target.api_key.clear();
  f.target.headers = {{"accept", "x/y", false}, {"X-Own", "1", true}};
  f.chat.stream.upstream = false;
  built = f.build();
  CHECK(find("Authorization") == nullptr);
  CHECK(find("Accept") == nullptr);
  CHECK(find("accept")->value == "x/y");
  CHECK(built->http.headers.back().name == "X-Own");
}

TEST_CASE("a key, header or URL that could break out of its place is refused without being shown") {
  for (const std::string& bad : {std::string("a\r\nX: y"), std::string("a\nb"), std::string("a\0b", 3)}) {
    Fixture key, header, url;
    key.target.api_key = bad;
    header.target.headers = {{"X", bad, false}};
    url.target.base_url += bad;
    for (const Fixture* f : {&key, &header, &url}) {
      const auto built = f->build();
      REQUIRE_FALSE(built);
      CHECK(built.error().code == "invalid_request");
      CHECK(built.error().message.find("X: y") == std::string::npos);
    }
  }
}

TEST_CASE("a history's body is a prefix of the longer history's body") {
  Fixture f;
  f.chat.system = {"be brief"};
  std::string before;
  const std::vector<std::vector<Part>> turns = {
      {TextPart{{"one"}}},
      {TextPart{{"two"}}},
      {TextPart{{"three"}}, MediaPart{MediaKind::image, {"image/png"}, {"AAAA"}, {}, {}}}};
  for (std::size_t i = 0; i < turns.size(); ++i) {
    f.say(i == 1 ? Role::assistant : Role::user, turns[i]);
    const std::string now = f.text();
    if (!before.empty()) CHECK(now.starts_with(before.substr(0, before.size() - 2)));
    before = now;
  }
}

TEST_CASE("roles and media") {
  Fixture f;
  f.chat.system = {"sys"};
  f.say(Role::system, {TextPart{{"a"}}, TextPart{{"b"}}});
  f.say(Role::user, {TextPart{{"look"}}, MediaPart{MediaKind::image, {"image/png"}, {"AAAA"}, {}, {}},
                     MediaPart{MediaKind::image, {}, {}, {"https://x/y.png"}, {}},
                     MediaPart{MediaKind::audio, {"audio/mpeg"}, {"BBBB"}, {}, {}},
                     MediaPart{MediaKind::file, {"application/pdf"}, {"CCCC"}, {}, {"a.pdf"}}});
  f.say(Role::assistant, {ReasoningPart{{"hm"}, {}}, TextPart{{"x"}}, TextPart{{"y"}}});
  f.say(Role::user, {});
  CHECK(f.body()["messages"] == json::parse(R"([
    {"role":"system","content":"sys"},
    {"role":"system","content":"a\nb"},
    {"role":"user","content":[{"type":"text","text":"look"},
      {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},
      {"type":"image_url","image_url":{"url":"https://x/y.png"}},
      {"type":"input_audio","input_audio":{"data":"BBBB","format":"mp3"}},
      {"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,CCCC"}}]},
    {"role":"assistant","content":"xy"},
    {"role":"user","content":""}])"));
}

TEST_CASE("audio by URL cannot be said") {
  Fixture f;
  f.user("x");
  f.say(Role::user, {MediaPart{MediaKind::audio, {}, {}, {"https://x/y.mp3"}, {}}});
  const auto built = f.build();
  REQUIRE_FALSE(built);
  CHECK(built.error().pointer == "/payload/messages/1");
}

TEST_CASE("tool calls and their results") {
  Fixture f;
  f.say(Role::assistant,
        {tool_call("a", R"({"x":"\"q\""})"), tool_call("b", "{}", R"({ \"y\": 1})"), tool_call("c", "null")});
  f.say(Role::tool,
        {result("a", ToolOutputType::text, R"("plain \"text\"")"), result("b", ToolOutputType::json, R"({"k":"v"})")});
  f.say(Role::tool,
        {result("c", ToolOutputType::content, {},
                {TextPart{{"see"}}, MediaPart{MediaKind::image, {"image/png"}, {"AAAA"}, {}, {}}}),
         result("d", ToolOutputType::error_text, R"("bad")"), result("e", ToolOutputType::error_json, "[1]")});
  f.user("next");
  const json messages = f.body()["messages"];
  REQUIRE(messages.size() == 8);
  CHECK(messages[0]["content"].is_null());
  CHECK(messages[0]["tool_calls"][0] ==
        json::parse(R"({"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":\"\\\"q\\\"\"}"}})"));
  CHECK(messages[0]["tool_calls"][1]["function"]["arguments"] == R"({ "y": 1})");
  CHECK(messages[0]["tool_calls"][2]["function"]["arguments"] == "{}");
  const char* contents[] = {"plain \"text\"", R"({"k":"v"})", "see", "bad", "[1]"};
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(messages[i + 1]["role"] == "tool");
    CHECK(messages[i + 1]["content"] == contents[i]);
  }
  // Media follow all results of the turn, in front of what the user says next.
  CHECK(messages[6]["content"][1]["image_url"]["url"] == "data:image/png;base64,AAAA");
  CHECK(messages[7]["content"][0]["text"] == "next");
}

TEST_CASE("options have their names") {
  Fixture f;
  f.user("x");
  f.chat.tools = {{.name = {"f"}, .description = {"does"}, .input_schema = {R"({"type":"object"})"}}, {.name = {"g"}}};
  f.chat.tool_choice = ToolChoice{ToolChoiceType::tool, {"g"}};
  f.chat.parallel_tool_calls = false;
  f.chat.max_output_tokens = 9;
  f.chat.temperature = 0.5;
  f.chat.top_p = 1;
  f.chat.stop_sequences = {{"a"}, {"\\n"}};
  f.chat.seed = 3;
  f.chat.logprobs = true;
  f.chat.reasoning = Reasoning{{"low"}, 100};
  f.chat.response_json = true;
  f.chat.response_schema = {R"({"type":"object"})"};
  json expected =
      json::parse(R"({"model":"gpt-4o","max_completion_tokens":9,"temperature":0.5,"top_p":1.0,"stop":["a","\n"],
    "seed":3,"logprobs":true,"reasoning_effort":"low",
    "response_format":{"type":"json_schema","json_schema":{"name":"response","schema":{"type":"object"}}},
    "tools":[{"type":"function","function":{"name":"f","description":"does","parameters":{"type":"object"}}},
             {"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}],
    "tool_choice":{"type":"function","function":{"name":"g"}},"parallel_tool_calls":false,
    "stream":true,"stream_options":{"include_usage":true},
    "messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]})");
  CHECK(f.body() == expected);
  CHECK(codes(*f.build()) == std::vector<std::string>{"parameter_dropped"});

  f.offer_tools = false;
  for (const char* key : {"tools", "tool_choice", "parallel_tool_calls"}) expected.erase(key);
  f.chat.response_schema = {};
  expected["response_format"] = {{"type", "json_object"}};
  CHECK(f.body() == expected);

  f.target.base_url = "https://api.openai.com.example.org/v1";
  CHECK(f.body()["max_tokens"] == 9);
  CHECK_FALSE(f.body().contains("max_completion_tokens"));
}

TEST_CASE("reasoning models get no sampling parameters, and the parent is told") {
  for (const auto& [model, refused] : std::vector<std::pair<std::string, bool>>{{"o3", true},
                                                                                {"o4-mini", true},
                                                                                {"gpt-5-mini", true},
                                                                                {"openai/o1-preview", true},
                                                                                {"gpt-5-chat-latest", false},
                                                                                {"gpt-4o", false},
                                                                                {"o", false},
                                                                                {"olmo", false}}) {
    CAPTURE(model);
    Fixture f;
    f.user("x");
    f.target.model = model;
    f.chat.temperature = 1;
    f.chat.top_p = 1;
    CHECK(f.body().contains("temperature") != refused);
    CHECK(f.body().contains("top_p") != refused);
    CHECK(f.build()->notes.size() == (refused ? 2 : 0));
  }
}

TEST_CASE("provider options replace ours and never duplicate them") {
  Fixture f;
  f.user("x");
  f.chat.temperature = 0.5;
  f.chat.provider_options = {{"temperature", {"0.7"}}, {"model", {"\"other\""}}, {"stream_options", {"{}"}},
                             {"we\"ird", {"[1]"}},     {"stream", {"false"}},    {"messages", {"[]"}}};
  const json body = f.body();
  CHECK(body["temperature"] == 0.7);
  CHECK(body["model"] == "other");
  CHECK(body["stream_options"] == json::object());
  CHECK(body["we\"ird"] == json::array({1}));
  CHECK(body["stream"] == true);
  CHECK(body["messages"].size() == 1);
  CHECK(codes(*f.build()) == std::vector<std::string>{"parameter_dropped", "parameter_dropped"});
}

TEST_CASE("state goes back where it came from") {
  Fixture f;
  f.target.base_url = "https://api.deepseek.com/v1";
  const std::string field = R"(openai-chat:{\"field\":\"reasoning_content\"})";
  const std::string details =
      R"(openai-chat:{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"a\\u20ac\",\"signature\":\"S\"}]})";
  const std::string extra = R"(openai-chat:{\"extra_content\":{\"google\":{\"thought_signature\":\"s\"}}})";
  ToolCallPart call = tool_call("a", "{}");
  call.provider_state = {extra};
  f.say(Role::assistant, {ReasoningPart{{"th"}, {field}}, ReasoningPart{{"ought"}, {field}}, call});
  f.say(Role::assistant, {ReasoningPart{{"kept out of turns without tools"}, {field}}, TextPart{{"x"}}});
  f.say(Role::assistant, {ReasoningPart{{"a"}, {details}}, TextPart{{"y"}}});
  f.say(Role::assistant, {ProviderPart{{details}}, TextPart{{"z"}}});
  f.say(Role::assistant, {ReasoningPart{{"b"}, {"anthropic:{\\\"signature\\\":\\\"S\\\"}"}},
                          ProviderPart{{"openai-chat:{oops"}}, tool_call("b", "{}")});
  const json messages = f.body()["messages"];
  CHECK(messages[0]["reasoning_content"] == "thought");
  CHECK(messages[0]["tool_calls"][0]["extra_content"]["google"]["thought_signature"] == "s");
  CHECK(messages[1] == json::parse(R"({"role":"assistant","content":"x"})"));
  for (const std::size_t i : {std::size_t{2}, std::size_t{3}})
    CHECK(messages[i]["reasoning_details"][0]["text"] == "a\xE2\x82\xAC");
  CHECK_FALSE(messages[4].contains("reasoning_content"));
  CHECK_FALSE(messages[4].contains("reasoning_details"));

  f.target.base_url = "https://api.openai.com/v1";
  const json to_openai = f.body();
  for (const auto& message : to_openai["messages"]) {
    CHECK_FALSE(message.contains("reasoning_content"));
    CHECK_FALSE(message.contains("reasoning_details"));
  }
}

TEST_CASE("long text is referred to, not copied") {
  Fixture f;
  const std::string text(1 << 20, 'x');
  f.user(text);
  CHECK(f.body()["messages"][0]["content"][0]["text"] == text);
}

TEST_CASE("what a decoder keeps as state, the builder sends back") {
  const std::string body = R"({"choices":[{"message":{"content":null,"reasoning_content":"r","tool_calls":[{"id":"a",
      "function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"s"}}}]},"finish_reason":"tool_calls"}]})";
  const auto got = aiw::testing::decode(openai_chat_api(), BodyFormat::unary, body);
  REQUIRE(got.states.size() == 2);
  std::deque<std::string> escaped;
  const auto raw = [&](const std::string& state) {
    std::string& out = escaped.emplace_back();
    append_json_escaped(out, state);
    return RawString{out};
  };
  Fixture f;
  f.target.base_url = "https://x/v1";
  ToolCallPart call = tool_call("a", "{}");
  call.provider_state = raw(got.states[1].second);
  f.say(Role::assistant, {ReasoningPart{{"r"}, raw(got.states[0].second)}, call});
  const json message = f.body()["messages"][0];
  CHECK(message["reasoning_content"] == "r");
  CHECK(message["tool_calls"][0]["extra_content"]["google"]["thought_signature"] == "s");
}
