// What is sent to the Messages API for a chat line: address, headers and options.
#include "worker/providers/anthropic_messages/request.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "tests/providers/anthropic_messages/chat.hpp"
#include "worker/providers/schema/rewriter.hpp"

using namespace aiw;
using namespace aiw::testing;

namespace {

std::string header(const BuiltRequest& built, std::string_view name) {
  const auto found = std::ranges::find(built.http.headers, name, &Header::name);
  return found == built.http.headers.end() ? "" : found->value;
}

}  // namespace

TEST_CASE("the smallest request, byte by byte") {
  CHECK(body_text(chat_of({{"messages", {user("Hi \"é\"\n")}}})) ==
        R"({"model":"claude-sonnet-4-5","stream":true,"max_tokens":4096,"messages":)"
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
  CHECK(header(*built, "Content-Type") == "application/json");
  CHECK(header(*built, "Accept") == "text/event-stream");
  CHECK(header(*built, "x-api-key") == "sk-test");
  CHECK(std::ranges::find(built->http.headers, "x-api-key", &Header::name)->secret);

  chat.target.headers = {{"X-Api-Key", "other", true}, {"Anthropic-Version", "2030-01-01"}};
  built = chat.build();
  CHECK(header(*built, "x-api-key").empty());
  CHECK(header(*built, "X-Api-Key") == "other");
  CHECK(header(*built, "anthropic-version").empty());
  CHECK(header(*built, "Anthropic-Version") == "2030-01-01");

  chat.target.headers = {};
  chat.target.auth = Auth::bearer;
  CHECK(header(*chat.build(), "Authorization") == "Bearer sk-test");
  CHECK(header(*chat.build(), "x-api-key").empty());
}

TEST_CASE("a unary answer is asked for by stream false") {
  Chat chat = chat_of({{"messages", {user("x")}}, {"stream", {{"upstream", false}}}});
  CHECK(sent(chat)["stream"] == false);
  CHECK(header(*chat.build(), "Accept") == "application/json");
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
        std::vector<std::string>{"max_tokens_raised", "parameter_dropped"});
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
  const json schema = {{"type", "object"}, {"additionalProperties", false}};
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
  CHECK(notes_of(plain) == std::vector<std::string>{"parameter_dropped", "response_format_prompted"});
}

TEST_CASE("providerOptions are merged into ours before the messages; the conversation stays ours") {
  const Chat chat = chat_of({{"messages", {user("x")}},
                             {"system", "mine"},
                             {"stopSequences", {"END"}},
                             {"reasoning", {{"effort", "low"}}},
                             {"providerOptions",
                              {{"max_tokens", 7000},
                               {"system", "theirs"},
                               {"thinking", {{"display", "summarized"}, {"type", nullptr}}},
                               {"metadata", {{"user_id", "u"}}},
                               {"messages", json::array()},
                               {"stream", false}}}});
  const std::string body_bytes = body_text(chat);
  const json body = parse_strictly(body_bytes);
  CHECK(body["max_tokens"] == 7000);
  CHECK(body["system"] == json::array({text("mine")}));
  CHECK(body["stop_sequences"] == json({"END"}));
  CHECK(body["thinking"] == json{{"budget_tokens", 4096}, {"display", "summarized"}});
  CHECK(body["metadata"] == json{{"user_id", "u"}});
  CHECK(body["stream"] == true);
  CHECK(body["messages"].size() == 1);
  CHECK(body_bytes.rfind(R"(,"messages":[{"role")") > body_bytes.find("user_id"));
  CHECK(std::ranges::count(notes_of(chat), "parameter_dropped") == 3);
}

TEST_CASE("other hosts have the model in the URL and the version in the body") {
  Chat chat =
      chat_of({{"messages", {user("x")}},
               {"tools", {{{"name", "memory"}, {"definition", {{"type", "memory_20250818"}, {"name", "memory"}}}}}},
               {"providerOptions", {{"top_k", 5}}}});
  chat.target.headers = {{"Anthropic-Beta", "a-2025-01-01, b-2025-01-01"}};
  const StepInput input{.chat = *chat.request, .messages = chat.request->messages, .target = chat.target};

  const auto vertex = anthropic_messages::build_for(anthropic_messages::Host::vertex, HttpRequest{}, input);
  REQUIRE(vertex);
  CHECK(vertex->http.body.str() == R"({"anthropic_version":"vertex-2023-10-16","stream":true,"max_tokens":4096,)"
                                   R"("tools":[{"name":"memory","type":"memory_20250818"}],"top_k":5,)"
                                   R"("messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]})");
  CHECK(header(*vertex, "anthropic-beta") == "context-management-2025-06-27");

  const auto bedrock = anthropic_messages::build_for(anthropic_messages::Host::bedrock, HttpRequest{}, input);
  REQUIRE(bedrock);
  const json body = parse_strictly(bedrock->http.body.str());
  CHECK(body["anthropic_version"] == "bedrock-2023-05-31");
  CHECK(body["anthropic_beta"] == json({"context-management-2025-06-27", "a-2025-01-01", "b-2025-01-01"}));
  CHECK(!body.contains("model"));
  CHECK(!body.contains("stream"));
  CHECK(header(*bedrock, "anthropic-beta").empty());
}

TEST_CASE("the beta header names what the config and the tools need") {
  Chat chat = chat_of(
      {{"messages", {user("x")}},
       {"tools", {{{"executor", "provider"}, {"definition", {{"type", "computer_20250124"}, {"name", "computer"}}}}}},
       {"providerOptions",
        {{"mcp_servers", json::array()}, {"context_management", {{"edits", {{{"type", "compact_20260112"}}}}}}}}});
  auto headers = header(*chat.build(), "anthropic-beta");
  CHECK(std::ranges::count(headers, ',') == 2);
  for (const std::string_view beta : {"computer-use-2025-01-24", "mcp-client-2025-04-04", "compact-2026-01-12"}) {
    CHECK(headers.find(beta) != std::string::npos);
  }
  chat.target.headers = {{"anthropic-beta", "mine-2025-01-01, computer-use-2025-01-24"}};
  headers = header(*chat.build(), "anthropic-beta");
  CHECK(headers.starts_with("mine-2025-01-01,computer-use-2025-01-24,"));
  CHECK(std::ranges::count(headers, ',') == 3);
  CHECK(header(*chat_of({{"messages", {user("x")}}}).build(), "anthropic-beta").empty());
}

TEST_CASE("a tool in the API's own words is sent as it is; strict only where the model has it") {
  const json definition = {{"type", "web_search_20250305"}, {"name", "web_search"}, {"max_uses", 2}};
  json strict = weather_tool();
  strict["strict"] = true;
  strict["inputSchema"] = {{"type", "object"},
                           {"properties", {{"n", {{"type", "integer"}, {"description", "how many"}, {"minimum", 1}}}}}};
  const json payload = {{"messages", {user("x")}},
                        {"tools", {{{"executor", "provider"}, {"definition", definition}}, strict}}};
  const json body = body_of(payload);
  CHECK(body["tools"][0] == definition);
  CHECK(body["tools"][1]["strict"] == true);
  CHECK(body["tools"][1]["input_schema"] ==
        json{{"type", "object"},
             {"additionalProperties", false},
             {"properties", {{"n", {{"type", "integer"}, {"description", "how many (minimum: 1)"}}}}}});
  Chat older = chat_of(payload);
  older.target.model = "claude-sonnet-4-0";
  CHECK(!sent(older)["tools"][1].contains("strict"));
  CHECK(sent(older)["tools"][1]["input_schema"] == strict["inputSchema"]);
  CHECK(notes_of(older) == std::vector<std::string>{"parameter_dropped"});
}

TEST_CASE("models without structured output are asked for JSON in the system prompt") {
  const json schema = {{"type", "object"}, {"title", "\"T\""}};
  const auto system = [&](const json& format, std::string model) {
    const json body =
        with_model({{"system", "s"}, {"messages", {user("x")}}, {"responseFormat", format}}, std::move(model));
    return std::pair(body["system"].size(), body["system"].back()["text"].get<std::string>());
  };
  CHECK(system({{"type", "json"}, {"schema", schema}}, "claude-sonnet-4-5") ==
        std::pair(std::size_t{1}, std::string("s")));
  const auto [count, asked] = system({{"type", "json"}, {"schema", schema}}, "claude-3-7-sonnet-latest");
  CHECK(count == 2);
  CHECK(asked.ends_with("\n" + schema.dump()));
  CHECK(system({{"type", "json"}}, "claude-sonnet-4-5").second.starts_with("Answer with one JSON object"));
}

TEST_CASE("a schema keeps what the API takes, and its limits become words") {
  RequestNotes notes;
  SchemaBudget budget;
  const auto clean = [&](const std::string& schema) {
    return rewrite_schema({schema}, kClaudeSchemas, budget, notes).json;
  };
  const std::string fits = R"({"type":"object", "properties":{"a":{"type":"string","format":"date","enum":["x"]},)"
                           R"("b":{"type":"array","items":{"$ref":"#/$defs/c"},"minItems":1}},)"
                           R"("additionalProperties":false,"$defs":{"c":{"type":["string","null"],"pattern":"^a+$"}}})";
  CHECK(clean(fits) == fits);
  CHECK(notes.take().empty());
  CHECK(
      clean(
          R"({"oneOf":[{"type":"number","minimum":0,"maximum":1},{"type":"string","format":"odd","minLength":2}]})") ==
      R"({"anyOf":[{"type":"number","description":"minimum: 0, maximum: 1"},)"
      R"({"type":"string","description":"format: \"odd\", minLength: 2"}]})");
  CHECK(clean(R"({"type":"object","additionalProperties":{"type":"string"}})") ==
        R"({"type":"object","additionalProperties":false})");
  CHECK(clean(R"({"type":"string","pattern":"(?=a)b"})") == R"({"type":"string","description":"pattern: \"(?=a)b\""})");
  CHECK(notes.take().size() == 3);
}

TEST_CASE("a turn that uses tools without having thought takes no thinking budget") {
  const auto thinks = [](json content) {
    const json body = body_of(
        {{"reasoning", {{"budgetTokens", 2000}}},
         {"tools", {weather_tool()}},
         {"messages", {user("x"), assistant(std::move(content)), tool(json::array({result("t", text_output("r"))}))}}});
    return body.contains("thinking");
  };
  const json thought = {
      {"type", "reasoning"}, {"text", "hm"}, {"providerState", R"(anthropic-messages:{"signature":"S"})"}};
  const json redacted = {{"type", "provider"},
                         {"providerState", R"(anthropic-messages:{"data":"d","type":"redacted_thinking"})"}};
  CHECK(thinks(json::array({thought, call("t")})));
  CHECK(thinks(json::array({redacted, call("t")})));
  CHECK(!thinks(json::array({text("ok"), call("t")})));
}

TEST_CASE("code execution goes on in the container of the history while it runs") {
  const json state = {
      {"type", "provider"},
      {"providerState", R"(anthropic-messages:{"container":{"id":"c_1","expires_at":"2026-05-05T21:31:45.4Z"}})"}};
  Chat chat = chat_of({{"messages", {user("x"), assistant(json::array({text("y"), state})), user("z")}}});
  const auto container = [&](std::chrono::sys_seconds now) {
    const auto built = anthropic_messages::kApi.build(
        {.chat = *chat.request, .messages = chat.request->messages, .target = chat.target, .now = now});
    REQUIRE(built);
    CHECK(built->notes.empty());
    return parse_strictly(built->http.body.str()).value("container", "");
  };
  using namespace std::chrono;
  const sys_seconds day = sys_days(2026y / May / 5);
  CHECK(container(day + 21h + 31min + 44s) == "c_1");
  CHECK(container(day + 21h + 31min + 46s).empty());
  CHECK(container(day - days(30)) == "c_1");
}

TEST_CASE("the provider's models are listed page by page") {
  const WireApi& api = anthropic_messages::kApi;
  Target target = chat_of({{"messages", {user("x")}}}).target;
  auto request = api.list_models(target, "", {});
  REQUIRE(request);
  CHECK(request->method == "GET");
  CHECK(request->url == "https://api.anthropic.com/v1/models?limit=1000");
  CHECK(std::ranges::count(request->headers, "x-api-key", &Header::name) == 1);
  CHECK(std::ranges::count(request->headers, "anthropic-version", &Header::name) == 1);
  CHECK(api.list_models(target, "a&b", {})->url.ends_with("?limit=1000&after_id=a%26b"));

  const auto page = api.read_models(
      R"({"data":[{"type":"model","id":"m1","display_name":"M 1","max_input_tokens":200000,"max_tokens":64000},)"
      R"({"id":"m2"},{"id":7}],"has_more":true,"first_id":"m1","last_id":"m2"})");
  REQUIRE(page);
  REQUIRE(page->models.size() == 2);
  CHECK(page->models[0].name == "M 1");
  CHECK(page->models[0].context_tokens == 200'000);
  CHECK(page->models[0].max_output_tokens == 64'000);
  CHECK(page->next == "m2");
  CHECK(api.read_models(R"({"data":[],"has_more":false,"last_id":"x"})")->next.empty());
  CHECK(api.read_models("<html>").error().code == "bad_response");
}

TEST_CASE("HTTP errors keep the API's words") {
  ResponseHead head;
  head.status = 529;
  head.headers = {{"request-id", "req_9"}};
  const auto error = anthropic_messages::kApi.http_error(
      head, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_9"})");
  CHECK(error.code == "upstream_http");
  CHECK(error.category == Category::overloaded);
  CHECK(error.provider_code == "overloaded_error");
  CHECK(error.message == "Overloaded");
  CHECK(error.request_id == "req_9");
  CHECK(error.retryable);
}
