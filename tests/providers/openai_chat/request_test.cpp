#include <doctest/doctest.h>

#include <deque>
#include <nlohmann/json.hpp>

#include "tests/providers/corpus.hpp"
#include "tests/providers/strict_json.hpp"
#include "worker/providers/openai_chat/address.hpp"
#include "worker/providers/provider_defaults.hpp"
#include "worker/providers/wire_apis.hpp"

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
    target.known = find_provider_defaults("openai");
  }
  explicit Fixture(std::string_view provider) : Fixture() {
    target.known = find_provider_defaults(provider);
    target.base_url = "https://x/v1";
    target.model = target.shown_as = "some-model";
    user("x");
  }

  void say(Role role, std::vector<Part> parts) { chat.messages.push_back({role, std::move(parts)}); }
  void user(std::string_view raw) { say(Role::user, {TextPart{{raw}}}); }

  [[nodiscard]] std::expected<BuiltRequest, Error> build() const {
    return build_request(*wire_api(Api::openai_chat), {chat, chat.messages, target, offer_tools});
  }
  [[nodiscard]] std::string text() const {
    const auto built = build();
    REQUIRE(built);
    return built->http.body.str();
  }
  [[nodiscard]] json body() const { return testing::parse_strictly(text()); }
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
                    R"("messages":[{"role":"user","content":"hi \u20ac\n"}]})");
  f.chat.stream.upstream = false;
  CHECK(f.text() == R"({"model":"gpt-4o","messages":[{"role":"user","content":"hi \u20ac\n"}]})");
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
  CHECK(find("X-Own")->value == "1");
}

TEST_CASE("a key or URL that could break out of its place is refused without being shown") {
  for (const std::string& bad : {std::string("a\r\nX: y"), std::string("a\nb"), std::string("a\0b", 3)}) {
    Fixture key, url;
    key.target.api_key = bad;
    url.target.base_url += bad;
    for (const Fixture* f : {&key, &url}) {
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
      {TextPart{{"three"}}, MediaPart{MediaKind::image, {"image/png"}, {"iVBORw0KGgo="}, {}, {}}}};
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
  f.say(Role::user, {TextPart{{"look"}}, MediaPart{MediaKind::image, {"image/png"}, {"iVBORw0KGgo="}, {}, {}},
                     MediaPart{MediaKind::image, {}, {}, {"https://x/y.png"}, {}},
                     MediaPart{MediaKind::audio, {"audio/mpeg"}, {"BBBB"}, {}, {}},
                     MediaPart{MediaKind::file, {"application/pdf"}, {"JVBERi0="}, {}, {"a.pdf"}}});
  f.say(Role::assistant, {ReasoningPart{{"hm"}, {}}, TextPart{{"x"}}, TextPart{{"y"}}});
  f.say(Role::user, {});
  CHECK(f.body()["messages"] == json::parse(R"([
    {"role":"system","content":"sys"},
    {"role":"system","content":"a\nb"},
    {"role":"user","content":[{"type":"text","text":"look"},
      {"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}},
      {"type":"image_url","image_url":{"url":"https://x/y.png"}},
      {"type":"input_audio","input_audio":{"data":"BBBB","format":"mp3"}},
      {"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERi0="}}]},
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
                {TextPart{{"see"}}, MediaPart{MediaKind::image, {"image/png"}, {"iVBORw0KGgo="}, {}, {}}}),
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
  CHECK(messages[6]["content"][1]["image_url"]["url"] == "data:image/png;base64,iVBORw0KGgo=");
  CHECK(messages[7]["content"] == "next");
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
  f.chat.frequency_penalty = 0.25;
  f.chat.presence_penalty = -1;
  json expected = json::parse(R"({"model":"gpt-4o","max_completion_tokens":9,"temperature":0.5,"top_p":1.0,
    "frequency_penalty":0.25,"presence_penalty":-1.0,"stop":["a","\n"],
    "seed":3,"logprobs":true,"response_format":{"type":"json_schema","json_schema":{"name":"response","schema":{"type":"object"}}},
    "tools":[{"type":"function","function":{"name":"f","description":"does","parameters":{"type":"object","properties":{}}}},
             {"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}],
    "tool_choice":{"type":"function","function":{"name":"g"}},"parallel_tool_calls":false,
    "stream":true,"stream_options":{"include_usage":true},
    "messages":[{"role":"user","content":"x"}]})");
  CHECK(f.body() == expected);
  CHECK(codes(*f.build()) == std::vector<std::string>{"parameter_dropped", "parameter_dropped"});

  f.offer_tools = false;
  for (const char* key : {"tools", "tool_choice", "parallel_tool_calls"}) expected.erase(key);
  f.chat.response_schema = {};
  expected["response_format"] = {{"type", "json_object"}};
  CHECK(f.body() == expected);

  f.target.known = nullptr;
  CHECK(f.body()["max_tokens"] == 9);
  CHECK_FALSE(f.body().contains("max_completion_tokens"));
}

TEST_CASE("reasoning models get no sampling parameters, and the parent is told") {
  struct Case {
    const char* model;
    const char* effort;
    std::size_t refused;  // of temperature, topP, stop
  };
  for (const auto& [model, effort, refused] : std::vector<Case>{{"o3", "", 3},
                                                                {"o4-mini", "low", 3},
                                                                {"gpt-5-mini", "", 3},
                                                                {"openai/o1-preview", "", 3},
                                                                {"gpt-5.4", "low", 3},
                                                                {"gpt-5.4", "", 0},
                                                                {"gpt-5.4", "none", 0},
                                                                {"gpt-5.2-pro", "", 3},
                                                                {"grok-4-0709", "", 1},
                                                                {"gpt-5-chat-latest", "", 0},
                                                                {"gpt-4o", "", 0},
                                                                {"o", "", 0},
                                                                {"o3d", "", 0},
                                                                {"gpt-50", "", 0},
                                                                {"olmo", "", 0}}) {
    CAPTURE(model);
    CAPTURE(effort);
    Fixture f;
    f.user("x");
    f.target.model = model;
    f.chat.temperature = 1;
    f.chat.top_p = 1;
    f.chat.stop_sequences = {{"s"}};
    if (*effort != 0) f.chat.reasoning = Reasoning{{effort}, {}};
    const json body = f.body();
    CHECK(body.contains("temperature") == (refused < 2));
    CHECK(body.contains("top_p") == (refused < 2));
    CHECK(body.contains("stop") == (refused == 0));
    CHECK(f.build()->notes.size() == refused);
  }
}

TEST_CASE("provider options are merged and never duplicate ours") {
  Fixture f;
  f.user("x");
  f.chat.temperature = 0.5;
  f.chat.provider_options = {{"temperature", {"0.7"}},
                             {"stream_options", {"null"}},
                             {"we\"ird", {"[1]"}},
                             {"stream", {"false"}},
                             {"messages", {"[]"}}};
  const json body = f.body();
  CHECK(body["temperature"] == 0.7);
  CHECK_FALSE(body.contains("stream_options"));
  CHECK(body["we\"ird"] == json::array({1}));
  CHECK(body["stream"] == true);
  CHECK(body["messages"].size() == 1);
  CHECK(codes(*f.build()) == std::vector<std::string>{"parameter_dropped", "parameter_dropped"});
}

TEST_CASE("state goes back where it came from, and nowhere else") {
  Fixture f;
  f.target.known = nullptr;
  const std::string field = R"(openai-chat:{\"field\":\"reasoning_content\"})";
  const std::string other_field = R"(openai-chat:{\"field\":\"reasoning\"})";
  const std::string thinking = R"(openai-chat:{\"field\":\"thinking\"})";
  const std::string details =
      R"(openai-chat:{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"a\u20ac\",\"signature\":\"S\"}]})";
  const std::string extra = R"(openai-chat:{\"extra_content\":{\"google\":{\"thought_signature\":\"s\"}}})";
  ToolCallPart call = tool_call("a", "{}");
  call.provider_state = {extra};
  f.say(Role::assistant, {ReasoningPart{{"th"}, {field}}, ReasoningPart{{"ought"}, {field}}, call});
  f.say(Role::assistant, {ReasoningPart{{"after the tools"}, {other_field}}, TextPart{{"x"}}});
  f.say(Role::assistant, {ReasoningPart{{"a"}, {details}}, TextPart{{"y"}}});
  f.say(Role::assistant, {ProviderPart{{details}}, TextPart{{"z"}}});
  f.say(Role::assistant, {ReasoningPart{{"b"}, {"anthropic:{\\\"signature\\\":\\\"S\\\"}"}},
                          ProviderPart{{"openai-chat:{oops"}}, tool_call("b", "{}")});
  f.say(Role::assistant, {ReasoningPart{{"hm"}, {thinking}}, TextPart{{"w"}}});
  const json messages = f.body()["messages"];
  CHECK(messages[0]["reasoning_content"] == "thought");
  CHECK(messages[0]["tool_calls"][0]["extra_content"]["google"]["thought_signature"] == "s");
  CHECK(messages[1] == json::parse(R"({"role":"assistant","content":"x","reasoning":"after the tools"})"));
  for (const std::size_t i : {std::size_t{2}, std::size_t{3}})
    CHECK(messages[i]["reasoning_details"][0]["text"] == "a\xE2\x82\xAC");
  CHECK_FALSE(messages[4].contains("reasoning_content"));
  CHECK_FALSE(messages[4].contains("reasoning_details"));
  CHECK(messages[5] == json::parse(R"({"role":"assistant","content":"w"})"));

  for (const char* provider : {"openai", "mistral"}) {
    f.target.known = find_provider_defaults(provider);
    const json body = f.body();
    for (const auto& message : body["messages"]) {
      for (const char* key : {"reasoning_content", "reasoning", "reasoning_details"})
        CHECK_FALSE(message.contains(key));
    }
  }
  CHECK(f.body()["messages"][5]["content"] == json::parse(R"([
    {"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"w"}])"));
}

TEST_CASE("strict schemas are brought into the subset, and only where it is asked for") {
  Fixture f;
  f.user("x");
  const JsonSpan open{R"({"type":"object","properties":{"a":{"type":"string"}}})"};
  f.chat.tools = {
      {.name = {"f"}, .input_schema = open, .strict = true},
      {.name = {"g"}, .input_schema = open, .strict = false},
      {.name = {"h"}, .input_schema = {R"({"type":"object","properties":{"a":{"not":{}}}})"}, .strict = true}};
  f.chat.response_json = true;
  f.chat.response_schema = open;
  f.chat.response_name = {"n"};
  f.chat.response_description = {"d"};
  f.chat.response_strict = true;
  const json closed = json::parse(R"({"type":"object","properties":{"a":{"type":["string","null"]}},
                                      "additionalProperties":false,"required":["a"]})");
  const json body = f.body();
  CHECK(body["response_format"]["json_schema"] ==
        json({{"name", "n"}, {"description", "d"}, {"schema", closed}, {"strict", true}}));
  CHECK(body["tools"][0]["function"]["parameters"] == closed);
  CHECK(body["tools"][0]["function"]["strict"] == true);
  CHECK(body["tools"][1]["function"]["parameters"] == json::parse(open.json));
  CHECK(body["tools"][1]["function"]["strict"] == false);
  CHECK(body["tools"][2]["function"]["strict"] == false);
  CHECK(codes(*f.build()) == std::vector<std::string>{"schema_changed", "schema_not_strict"});
}

TEST_CASE("a tool's own definition is sent as it is") {
  Fixture f;
  f.user("x");
  f.chat.tools = {{.name = {}, .definition = {R"({ "type":"web_search" })"}}};
  CHECK(f.text().find(R"("tools":[{ "type":"web_search" }])") != std::string::npos);
}

TEST_CASE("a model's limit bounds what is asked for") {
  Fixture f("vllm");
  f.chat.max_output_tokens = 100;
  f.target.max_tokens = 50;
  CHECK(f.body()["max_tokens"] == 50);
  CHECK(codes(*f.build()) == std::vector<std::string>{"max_tokens_lowered"});
}

TEST_CASE("cache marks go where a server reads them, and change nothing elsewhere") {
  for (const bool reads : {true, false}) {
    Fixture f(reads ? "openrouter" : "openai");
    f.chat.messages.clear();
    f.say(Role::system, {TextPart{{"s"}, {}, CacheMark::one_hour}});
    f.say(Role::user, {TextPart{{"u"}, {}, CacheMark::five_minutes}});
    ToolResultPart marked = result("a", ToolOutputType::text, R"("r")");
    marked.cache = CacheMark::five_minutes;
    ToolCallPart call = tool_call("a", "{}");
    call.cache = CacheMark::five_minutes;
    f.say(Role::assistant, {call});
    f.say(Role::tool, {marked});
    f.chat.tools = {{.name = {"f"}, .cache = CacheMark::five_minutes}};
    const json body = f.body();
    const json mark = {{"type", "ephemeral"}};
    if (reads) {
      CHECK(body["messages"][0]["content"] ==
            json::parse(R"([{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"1h"}}])"));
      CHECK(body["messages"][1]["content"][0]["cache_control"] == mark);
      CHECK(body["messages"][3]["content"] ==
            json::parse(R"([{"type":"text","text":"r","cache_control":{"type":"ephemeral"}}])"));
      CHECK(body["messages"][2]["tool_calls"][0]["cache_control"] == mark);
      CHECK(body["tools"][0]["cache_control"] == mark);
    } else {
      CHECK(body["messages"][0]["content"] == "s");
      CHECK(body["messages"][1]["content"] == "u");
      CHECK(body["messages"][3]["content"] == "r");
      CHECK_FALSE(body["messages"][2]["tool_calls"][0].contains("cache_control"));
      CHECK_FALSE(body["tools"][0].contains("cache_control"));
    }
    CHECK(f.build()->notes.empty());
  }
}

TEST_CASE("media have the form that the server knows") {
  const MediaPart video{MediaKind::file, {"video/mp4"}, {}, {"https://x/v.mp4"}};
  const MediaPart pdf{MediaKind::file, {"application/pdf"}, {}, {"https://x/a.pdf"}};
  MediaPart uploaded{MediaKind::file};
  uploaded.file_id = {"file-1"};
  const auto content = [](std::string_view provider, const MediaPart& part) {
    Fixture f(provider);
    f.say(Role::user, {part});
    return f.body()["messages"][1]["content"][0];
  };
  CHECK(content("openrouter", video) == json::parse(R"({"type":"video_url","video_url":{"url":"https://x/v.mp4"}})"));
  CHECK(content("mistral", pdf) == json::parse(R"({"type":"document_url","document_url":"https://x/a.pdf"})"));
  CHECK(content("openai", uploaded) == json::parse(R"({"type":"file","file":{"file_id":"file-1"}})"));

  Fixture f("openai");
  uploaded.kind = MediaKind::image;
  f.say(Role::user, {uploaded});
  REQUIRE_FALSE(f.build());
  CHECK(f.build().error().pointer == "/payload/messages/1");
}

TEST_CASE("a gateway takes a tool's image where it stands") {
  Fixture f("openrouter");
  f.say(Role::assistant, {tool_call("a", "{}")});
  f.say(Role::tool,
        {result("a", ToolOutputType::content, {},
                {TextPart{{"see"}}, MediaPart{MediaKind::image, {"image/png"}, {"iVBORw0KGgo="}, {}, {}}})});
  const json messages = f.body()["messages"];
  REQUIRE(messages.size() == 3);
  CHECK(messages[2]["content"] == json::parse(R"([{"type":"text","text":"see"},
      {"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}])"));
}

TEST_CASE("a user's texts are parts, or one string where a server takes nothing else") {
  Fixture parts("groq"), string("deepseek");
  for (Fixture* f : {&parts, &string}) f->say(Role::user, {TextPart{{"a"}}, TextPart{{"b"}}});
  CHECK(parts.body()["messages"][1]["content"] ==
        json::parse(R"([{"type":"text","text":"a"},{"type":"text","text":"b"}])"));
  CHECK(string.body()["messages"][1]["content"] == "a\nb");
}

TEST_CASE("reasoning is asked for in each provider's own words") {
  const auto asked = [](std::string_view provider, Reasoning reasoning) {
    Fixture f(provider);
    f.chat.reasoning = reasoning;
    json body = f.body();
    for (const char* key : {"model", "messages", "stream", "stream_options"}) body.erase(key);
    return body;
  };
  const Reasoning low{{"low"}, {}}, none{{"none"}, {}}, budget{{}, 2000};
  CHECK(asked("openai", low) == json::parse(R"({"reasoning_effort":"low"})"));
  CHECK(asked("vllm", none) == json::parse(R"({"reasoning_effort":"none"})"));
  CHECK(asked("openai", budget) == json::object());
  CHECK(asked("openrouter", low) == json::parse(R"({"reasoning":{"effort":"low"}})"));
  CHECK(asked("openrouter", budget) == json::parse(R"({"reasoning":{"max_tokens":2000}})"));
  CHECK(asked("deepseek", low) == json::parse(R"({"reasoning_effort":"low"})"));
  CHECK(asked("zai", none) == json::parse(R"({"thinking":{"type":"disabled"}})"));
  CHECK(asked("moonshot", low) == json::parse(R"({"thinking":{"type":"enabled"}})"));
  CHECK(asked("databricks", budget) == json::parse(R"({"thinking":{"type":"enabled","budget_tokens":2000}})"));
  CHECK(asked("alibaba", budget) == json::parse(R"({"enable_thinking":true,"thinking_budget":2000})"));
  CHECK(asked("alibaba", none) == json::parse(R"({"enable_thinking":false})"));
}

TEST_CASE("what a provider does not take is left out, and said") {
  struct Case {
    std::string_view provider;
    std::vector<const char*> absent;
    std::size_t notes;
  };
  for (const auto& [provider, absent, notes] :
       std::vector<Case>{{"openai", {"top_k", "random_seed"}, 1},
                         {"mistral", {"top_k", "logprobs", "seed", "stream_options"}, 2},
                         {"deepseek", {"top_k", "parallel_tool_calls"}, 3},
                         {"perplexity",
                          {"tools", "tool_choice", "stop", "seed", "logprobs", "stream_options", "parallel_tool_calls"},
                          4},
                         {"cerebras", {"top_k", "frequency_penalty", "presence_penalty"}, 3},
                         {"vllm", {}, 0}}) {
    CAPTURE(provider);
    Fixture f(provider);
    f.chat.top_k = 5;
    f.chat.seed = 1;
    f.chat.logprobs = true;
    f.chat.stop_sequences = {{"s"}};
    f.chat.frequency_penalty = f.chat.presence_penalty = 1;
    f.chat.tools = {{.name = {"f"}}};
    f.chat.tool_choice = ToolChoice{ToolChoiceType::required, {}};
    f.chat.parallel_tool_calls = false;
    f.chat.response_json = true;
    f.chat.response_schema = {R"({"type":"object","properties":{}})"};
    const json body = f.body();
    for (const char* key : absent) CHECK_FALSE(body.contains(key));
    CHECK(f.build()->notes.size() == notes);
    if (provider == "mistral") CHECK(body["random_seed"] == 1);
    if (provider == "mistral") CHECK(body["tool_choice"] == "any");
    if (provider == "deepseek") CHECK(body["response_format"] == json({{"type", "json_object"}}));
    f.chat.response_schema = {};
    CHECK(f.body()["response_format"]["type"] == (provider == "perplexity" ? "json_schema" : "json_object"));
  }
}

TEST_CASE("Azure's older versions know the older name of the token limit") {
  Fixture f("whatever its id");
  f.target.api = Api::azure_openai;
  f.chat.max_output_tokens = 7;
  for (const auto& [version, name] :
       {std::pair("", "max_completion_tokens"), std::pair("2024-02-01", "max_tokens"),
        std::pair("2024-10-21", "max_completion_tokens"), std::pair("preview", "max_completion_tokens")}) {
    f.target.api_version = version;
    CHECK(f.body()[name] == 7);
  }
}

TEST_CASE("the models of a server, at OpenAI's address and at Azure's") {
  Target target;
  target.base_url = "http://localhost:8000/v1";
  const WireApi& api = *wire_api(Api::azure_openai);
  auto request = api.list_models(target, {}, {});
  REQUIRE(request);
  CHECK(request->method == "GET");
  CHECK(request->url == "http://localhost:8000/v1/models");
  target.api = Api::azure_openai;
  target.base_url = "https://r.openai.azure.com";
  request = api.list_models(target, {}, {});
  REQUIRE(request);
  CHECK(request->url == "https://r.openai.azure.com/openai/v1/models");
  const auto page = api.read_models(R"({"object":"list","data":[{"id":"a","context_window":8},{"id":"b","name":"B",
      "context_length":9,"top_provider":{"max_completion_tokens":5}},{"id":""}]})");
  REQUIRE(page);
  REQUIRE(page->models.size() == 2);
  CHECK(page->models[0].context_tokens == 8);
  CHECK(page->models[1].name == "B");
  CHECK(page->models[1].max_output_tokens == 5);
  CHECK_FALSE(api.read_models("[1,"));
}

TEST_CASE("a base URL without a path gets the provider's own, a gateway's is kept") {
  const auto url = [](std::string_view id, std::string base) {
    Target target;
    target.known = find_provider_defaults(id);
    target.base_url = std::move(base);
    return openai_chat::openai_url(target, "models");
  };
  CHECK(url("openai", "https://api.openai.com") == "https://api.openai.com/v1/models");
  CHECK(url("openai", "https://api.openai.com/") == "https://api.openai.com/v1/models");
  CHECK(url("openai", "https://api.openai.com/v1/") == "https://api.openai.com/v1/models");
  CHECK(url("groq", "https://api.groq.com") == "https://api.groq.com/openai/v1/models");
  CHECK(url("perplexity", "https://api.perplexity.ai") == "https://api.perplexity.ai/models");
  CHECK(url("openai", "https://gateway.example") == "https://gateway.example/models");
  CHECK(url("openai", "https://gateway.example/openai") == "https://gateway.example/openai/models");
  CHECK(url("mine", "http://localhost:9000") == "http://localhost:9000/models");
  CHECK(url("ollama", "http://gpu-box:11434") == "http://gpu-box:11434/v1/models");
  CHECK(url("ollama", "http://gpu-box/ollama/v1") == "http://gpu-box/ollama/v1/models");
  CHECK(url("databricks", "https://w.cloud.databricks.com") ==
        "https://w.cloud.databricks.com/serving-endpoints/models");
  CHECK(url("snowflake", "https://a.snowflakecomputing.com") ==
        "https://a.snowflakecomputing.com/api/v2/cortex/v1/models");
}

TEST_CASE("long text is referred to, not copied") {
  Fixture f;
  const std::string text(1 << 20, 'x');
  f.user(text);
  CHECK(f.body()["messages"][0]["content"] == text);
}

TEST_CASE("what a decoder keeps as state, the builder sends back") {
  const std::string body = R"({"choices":[{"message":{"content":null,"reasoning_content":"r","tool_calls":[{"id":"a",
      "function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"s"}}}]},"finish_reason":"tool_calls"}]})";
  const auto got = aiw::testing::decode(openai_chat::kApi, BodyFormat::unary, body);
  REQUIRE(got.states.size() == 2);
  std::deque<std::string> escaped;
  const auto raw = [&](const std::string& state) {
    std::string& out = escaped.emplace_back();
    append_json_escaped(out, state);
    return RawString{out};
  };
  Fixture f;
  f.target.known = nullptr;
  ToolCallPart call = tool_call("a", "{}");
  call.provider_state = raw(got.states[1].second);
  f.say(Role::assistant, {ReasoningPart{{"r"}, raw(got.states[0].second)}, call});
  const json message = f.body()["messages"][0];
  CHECK(message["reasoning_content"] == "r");
  CHECK(message["tool_calls"][0]["extra_content"]["google"]["thought_signature"] == "s");
}
