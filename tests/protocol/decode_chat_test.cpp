// Fields of a chat and its config.
#include <doctest/doctest.h>

#include <string>

#include "tests/protocol/decoding.hpp"

using namespace aiw;
using namespace nlohmann::literals;
using aiw::test::chat_line;
using aiw::test::decode_as;
using aiw::test::decode_chat;
using aiw::test::decode_rejected;
using aiw::test::describe;
using nlohmann::ordered_json;

namespace {

std::unique_ptr<ChatRequest> chat_with(std::string_view fields) {
  return decode_chat(chat_line(R"("messages":[],)" + std::string(fields)));
}

// Checks that a chat with `fields` is rejected at `pointer` below its payload.
void check_pointer(std::string_view fields, std::string_view pointer) {
  CAPTURE(fields);
  const RejectedLine rejected = decode_rejected(chat_line(R"("messages":[],)" + std::string(fields)));
  CHECK(rejected.id == "c1");
  CHECK(rejected.is_chat);
  CHECK(rejected.error.code == "invalid_request");
  CHECK(rejected.error.pointer == "/payload" + std::string(pointer));
}

ordered_json config_of(std::string_view config) {
  const auto request =
      decode_as<ReloadConfigRequest>(R"({"id":"r","type":"reload_config","payload":)" + std::string(config) + "}");
  return describe(request.config);
}

}  // namespace

TEST_CASE("a chat without optional fields gets the defaults") {
  const auto chat = decode_chat(R"({"id":"c1","type":"chat","payload":{"messages":[]}})");
  CHECK(chat->id == "c1");
  CHECK(chat->messages.empty());
  CHECK_FALSE(chat->config);
  CHECK_FALSE(chat->tool_choice);
  CHECK_FALSE(chat->max_steps);
  CHECK_FALSE(chat->max_output_tokens);
  CHECK_FALSE(chat->temperature);
  CHECK_FALSE(chat->reasoning);
  CHECK(chat->system.empty());
  CHECK(chat->metadata.empty());
  CHECK_FALSE(chat->response_json);
  CHECK_FALSE(chat->dry_run);
  CHECK(chat->notes.empty());
  CHECK(chat->timeouts.connect_ms == 10'000);
  CHECK(chat->timeouts.first_byte_ms == 300'000);
  CHECK(chat->timeouts.idle_ms == 120'000);
  CHECK(chat->timeouts.progress_ms == 600'000);
  CHECK(chat->timeouts.tool_ms == 300'000);
  CHECK(chat->timeouts.total_ms == 3'600'000);
  CHECK(chat->retry.max == 2);
  CHECK(chat->stream.upstream);
}

TEST_CASE("names of providers and models, which frames repeat, have a length limit") {
  const auto text = [](std::size_t size) { return '"' + std::string(size, 'n') + '"'; };
  CHECK(chat_with(R"("modelId":)" + text(2048))->model_id.size() == 2048);
  check_pointer(R"("modelId":)" + text(2049), "/modelId");
  check_pointer(R"("providerId":)" + text(2049), "/providerId");
  check_pointer(R"("model":)" + text(2049), "/model");
  check_pointer(R"("model":"a/b","fallbacks":[)" + text(2049) + "]", "/fallbacks/0");
  check_pointer(R"("config":{"providers":[{"id":)" + text(2049) + "}]}", "/config/providers/0/id");
  check_pointer(R"("config":{"providers":[{"id":"a","models":[{"id":)" + text(2049) + "}]}]}",
                "/config/providers/0/models/0/id");
  check_pointer(R"("config":{"models":{"a":{"upstream":)" + text(2049) + "}}}", "/config/models/a/upstream");
}

TEST_CASE("every field of a chat is decoded") {
  const auto chat = chat_with(R"(
    "providerId":"p\/1","modelId":"m\u00e9","model":"a/b","callerKeyId":"k","system":"be \"kind\"",
    "tools":[{"name":"look\u0075p","description":"finds","inputSchema":{"type":"object"}},
             {"name":"end","executor":"return"},{"name":"x","executor":"parent","later":[1]}],
    "toolChoice":{"type":"tool","toolName":"lookup"},"parallelToolCalls":false,"maxSteps":50,
    "maxOutputTokens":512,"temperature":0.25,"topP":1,"stopSequences":["\n","\u00e9"],"seed":-3,"logprobs":true,
    "reasoning":{"effort":"low","budgetTokens":0,"x":1},"responseFormat":{"type":"json","schema":{"type":"array"}},
    "providerOptions":{"z":{"deep":[true]},"a\/b":"c","none":null},
    "timeouts":{"connectMs":1,"firstByteMs":2,"idleMs":3,"progressMs":4,"toolMs":5,"totalMs":0,"laterMs":9},
    "retry":{"max":0,"restart":true},"fallbacks":["a\/b",{"model":"c","codes":["context_overflow","rate_limit"],"x":1},{"model":"d"}],"hedge":{"afterMs":7,"model":"d"},
    "stream":{"deltaIntervalMs":20,"maxDeltaChars":100,"upstream":false,"dialect":"ui"},
    "metadata":[1,{"a":null}],"traceparent":"00-a-b-01","heartbeatMs":1000,"dryRun":true,
    "toolChoiceScope":"every","accept":["later","earlyToolCalls"],
    "sessionId":"s","projectId":"p","callbacks":[],"unknown":{"x":[{}]})");
  CHECK(describe(Request(chat_with(R"("model":"a/b")")))["model"] == "a/b");
  CHECK(chat->provider_id == "p/1");
  CHECK(chat->model_id == "mé");
  CHECK(chat->model == "a/b");
  CHECK(chat->caller_key_id == "k");
  CHECK(chat->system.raw == R"(be \"kind\")");
  REQUIRE(chat->tools.size() == 3);
  CHECK(chat->tools[0].name.text() == "lookup");
  CHECK(chat->tools[0].description.text() == "finds");
  CHECK(chat->tools[0].input_schema.json == R"({"type":"object"})");
  CHECK(chat->tools[0].executor == ToolExecutor::parent);
  CHECK(chat->tools[1].executor == ToolExecutor::returned);
  CHECK(chat->tools[1].input_schema.empty());
  CHECK(chat->tool_choice->type == ToolChoiceType::tool);
  CHECK(chat->tool_choice->tool_name.text() == "lookup");
  CHECK(chat->parallel_tool_calls == false);
  CHECK(chat->max_steps == 50);
  CHECK(chat->max_output_tokens == 512);
  CHECK(chat->temperature == 0.25);
  CHECK(chat->top_p == 1.0);
  REQUIRE(chat->stop_sequences.size() == 2);
  CHECK(chat->stop_sequences[1].text() == "é");
  CHECK(chat->seed == -3);
  CHECK(chat->logprobs == true);
  CHECK(chat->reasoning->effort.text() == "low");
  CHECK(chat->reasoning->budget_tokens == 0);
  CHECK(chat->response_json);
  CHECK(chat->response_schema.json == R"({"type":"array"})");
  REQUIRE(chat->provider_options.size() == 3);
  CHECK(chat->provider_options[0].first == "z");
  CHECK(chat->provider_options[0].second.json == R"({"deep":[true]})");
  CHECK(chat->provider_options[1].first == "a/b");
  CHECK(chat->provider_options[2].second.json == "null");  // removes the field, as in a JSON merge patch
  CHECK(chat->timeouts.connect_ms == 1);
  CHECK(chat->timeouts.first_byte_ms == 2);
  CHECK(chat->timeouts.idle_ms == 3);
  CHECK(chat->timeouts.progress_ms == 4);
  CHECK(chat->timeouts.tool_ms == 5);
  CHECK(chat->timeouts.total_ms == 0);
  CHECK(chat->retry.max == 0);
  CHECK(chat->retry.restart);
  REQUIRE(chat->fallbacks.size() == 3);
  CHECK(chat->fallbacks[0].model == "a/b");
  CHECK(chat->fallbacks[0].codes.empty());
  CHECK(chat->fallbacks[1].model == "c");
  CHECK(chat->fallbacks[1].codes == std::vector<std::string>{"context_overflow", "rate_limit"});
  CHECK(chat->fallbacks[2].codes.empty());
  CHECK(chat->tool_choice_every_step);
  CHECK(chat->early_tool_calls);
  CHECK(chat->hedge.after_ms == 7);
  CHECK(chat->hedge.model == "d");
  CHECK(chat->stream.delta_interval_ms == 20);
  CHECK(chat->stream.max_delta_chars == 100);
  CHECK_FALSE(chat->stream.upstream);
  CHECK(chat->metadata.json == R"([1,{"a":null}])");
  CHECK(chat->traceparent == "00-a-b-01");
  CHECK(chat->heartbeat_ms == 1000);
  CHECK(chat->dry_run);
}

TEST_CASE("null counts as absent, for every field") {
  const auto plain = describe(Request(decode_chat(chat_line(R"("messages":[])"))));
  for (const char* field : {"config",
                            "providerId",
                            "modelId",
                            "model",
                            "callerKeyId",
                            "system",
                            "tools",
                            "toolChoice",
                            "toolChoiceScope",
                            "accept",
                            "parallelToolCalls",
                            "maxSteps",
                            "maxOutputTokens",
                            "temperature",
                            "topP",
                            "stopSequences",
                            "seed",
                            "logprobs",
                            "reasoning",
                            "responseFormat",
                            "providerOptions",
                            "timeouts",
                            "retry",
                            "fallbacks",
                            "hedge",
                            "stream",
                            "metadata",
                            "traceparent",
                            "heartbeatMs",
                            "dryRun",
                            "sessionId"}) {
    CAPTURE(field);
    CHECK(describe(Request(chat_with('"' + std::string(field) + "\":null"))) == plain);
  }
  for (const char* fields :
       {R"("timeouts":{"idleMs":null})", R"("retry":{"max":null})", R"("stream":{"dialect":null})"}) {
    CHECK(describe(Request(chat_with(fields))) == plain);
  }
  CHECK(decode_rejected(chat_line(R"("messages":null)")).error.pointer == "/payload");
}

TEST_CASE("the string views of a chat are valid as long as the chat") {
  std::unique_ptr<ChatRequest> chat;
  {
    std::string line = test::content_line("\"" + std::string(1000, 'x') + "\"");
    chat = decode_chat(line);
    line.assign(line.size(), '?');
  }
  CHECK(std::get<TextPart>(chat->messages[0].parts[0]).text.text() == std::string(1000, 'x'));
}

TEST_CASE("a tool choice is a string or an object") {
  const auto type = [](std::string_view choice) {
    return chat_with(R"("toolChoice":)" + std::string(choice))->tool_choice->type;
  };
  CHECK(type(R"("auto")") == ToolChoiceType::automatic);
  CHECK(type(R"("none")") == ToolChoiceType::none);
  CHECK(type(R"("required")") == ToolChoiceType::required);
  CHECK(type(R"({"type":"required"})") == ToolChoiceType::required);
  CHECK(type(R"({"type":"auto","toolName":null})") == ToolChoiceType::automatic);
  for (const char* bad : {R"("any")", R"("tool")", R"({"type":"tool"})", R"({})", R"({"type":"tool","toolName":""})"}) {
    check_pointer(R"("toolChoice":)" + std::string(bad), "/toolChoice");
  }
  check_pointer(R"("toolChoice":7)", "/toolChoice");
  check_pointer(R"("toolChoice":{"type":"tool","toolName":7})", "/toolChoice/toolName");
}

TEST_CASE("a field of the wrong type is reported by its pointer") {
  check_pointer(R"("providerId":5)", "/providerId");
  check_pointer(R"("system":["x"])", "/system");
  check_pointer(R"("tools":{})", "/tools");
  check_pointer(R"("tools":[{"name":"a"},{"description":"x"}])", "/tools/1");
  check_pointer(R"("tools":[{"name":"a"},null])", "/tools/1");
  check_pointer(R"("tools":[{"name":")" + std::string(513, 'n') + "\"}]", "/tools/0/name");
  check_pointer(R"("tools":[{"name":"a","inputSchema":[]}])", "/tools/0/inputSchema");
  check_pointer(R"("tools":[{"name":"a","executor":"pigeon"}])", "/tools/0/executor");
  check_pointer(R"("tools":[{"name":"a","executor":"http"}])", "/tools/0");
  check_pointer(R"("tools":[{"name":"a","approval":"maybe"}])", "/tools/0/approval");
  check_pointer(R"("mcpServers":[])", "/mcpServers");
  check_pointer(R"("parallelToolCalls":1)", "/parallelToolCalls");
  check_pointer(R"("maxOutputTokens":0)", "/maxOutputTokens");
  check_pointer(R"("temperature":"hot")", "/temperature");
  check_pointer(R"("topP":true)", "/topP");
  check_pointer(R"("stopSequences":"x")", "/stopSequences");
  check_pointer(R"("stopSequences":["x",1])", "/stopSequences/1");
  check_pointer(R"("seed":1.5)", "/seed");
  check_pointer(R"("reasoning":"high")", "/reasoning");
  check_pointer(R"("reasoning":{"budgetTokens":-1})", "/reasoning/budgetTokens");
  check_pointer(R"("responseFormat":{"type":"xml"})", "/responseFormat/type");
  check_pointer(R"("responseFormat":{"type":"json","schema":[]})", "/responseFormat/schema");
  check_pointer(R"("providerOptions":[])", "/providerOptions");
  check_pointer(R"("timeouts":{"idleMs":-1})", "/timeouts/idleMs");
  check_pointer(R"("timeouts":{"idleMs":86400001})", "/timeouts/idleMs");
  check_pointer(R"("timeouts":{"idleMs":18446744073709551616})", "/timeouts/idleMs");
  check_pointer(R"("retry":{"max":11})", "/retry/max");
  check_pointer(R"("retry":{"restart":"yes"})", "/retry/restart");
  check_pointer(R"("fallbacks":["a/b",{}])", "/fallbacks/1");
  check_pointer(R"("fallbacks":[""])", "/fallbacks/0");
  check_pointer(R"("fallbacks":[{"codes":["context_overflow"]}])", "/fallbacks/0");
  check_pointer(R"("fallbacks":[{"model":""}])", "/fallbacks/0/model");
  check_pointer(R"("fallbacks":[{"model":"a/b","codes":[]}])", "/fallbacks/0/codes");
  check_pointer(R"("fallbacks":[{"model":"a/b","codes":["Context overflow"]}])", "/fallbacks/0/codes/0");
  check_pointer(R"("fallbacks":[{"model":"a/b","codes":"rate_limit"}])", "/fallbacks/0/codes");
  std::string many = R"("fallbacks":[{"model":"a/b","codes":["c")";
  for (int i = 1; i < 65; ++i) many += R"(,"c")";
  check_pointer(many + "]}]", "/fallbacks/0/codes/64");
  check_pointer(R"("toolChoiceScope":"last")", "/toolChoiceScope");
  check_pointer(R"("accept":[1])", "/accept/0");
  std::string seventeen = R"("fallbacks":["a/b")";
  for (int i = 1; i < 17; ++i) seventeen += R"(,"a/b")";
  check_pointer(seventeen + "]", "/fallbacks/16");
  check_pointer(R"("hedge":{"afterMs":-1})", "/hedge/afterMs");
  check_pointer(R"("hedge":{"afterMs":1,"model":""})", "/hedge/model");
  check_pointer(R"("hedge":{"model":"a/b"})", "/hedge");
  std::string headers = R"("config":{"providers":[{"id":"p","headers":{"h":"v")";
  for (int i = 1; i <= 100; ++i) headers += ",\"h" + std::to_string(i) + "\":\"v\"";
  check_pointer(headers + "}}]}", "/config/providers/0/headers/h100");
  check_pointer(R"("config":{"providers":[{"id":"p","apiKey":")" + std::string((64 << 10) + 1, 'k') + "\"}]}",
                "/config/providers/0/apiKey");
  check_pointer(R"("stream":{"dialect":"leanspec"})", "/stream/dialect");
  check_pointer(R"("stream":{"upstream":0})", "/stream/upstream");
  check_pointer(R"("heartbeatMs":4294967297)", "/heartbeatMs");
  check_pointer(R"("dryRun":"true")", "/dryRun");
}

TEST_CASE("fault 95: a framing header is rejected at its pointer, in every source of headers") {
  const auto provider = [](const std::string& headers) {
    return R"("config":{"providers":[{"id":"a"},{"id":"p","headers":{)" + headers + "}}]}";
  };
  const auto tool = [](const std::string& headers) {
    return R"("tools":[{"name":"t","executor":"http","http":{"url":"https://h/","headers":{)" + headers + "}}}]";
  };
  const auto server = [](const std::string& headers) {
    return R"("mcpServers":{"s":{"url":"https://h/","headers":{)" + headers + "}}}";
  };
  for (const std::string name : {"Content-Length", "content_length", "Host", "Transfer-Encoding", "Connection", "TE",
                                 "Proxy-Authorization", "Upgrade", "Expect", "Trailer", "Keep-Alive", "a b", ""}) {
    CAPTURE(name);
    const std::string headers = R"("X-Title":"t",")" + name + R"(":"1")";
    check_pointer(provider(headers), "/config/providers/1/headers/" + name);
    check_pointer(tool(headers), "/tools/0/http/headers/" + name);
    check_pointer(server(headers), "/mcpServers/s/headers/" + name);
  }
  const std::string twice = R"("X-Key":"1","x-key":"2")";
  check_pointer(provider(twice), "/config/providers/1/headers/x-key");
  check_pointer(tool(twice), "/tools/0/http/headers/x-key");
  check_pointer(server(twice), "/mcpServers/s/headers/x-key");
  const std::string good =
      R"("anthropic-beta":"a","HTTP-Referer":"https://h","X-Title":"t","User-Agent":"u","Accept":"a/b",)"
      R"("Content-Type":"c/d","Authorization":"Bearer k","Content-Length":null)";
  CHECK(chat_with(provider(good)));
  CHECK(chat_with(tool(good)));
  CHECK(chat_with(server(good)));
}

TEST_CASE("fault 97: providerOptions cannot choose another model, in any spelling that a server may accept") {
  for (const std::string name : {"model", "models", "fallbacks", "preset", "Model", "MODELS", "m\u006fdel"}) {
    for (const char* value : {"\"x\"", "null", "[\"x\"]"}) {
      CAPTURE(name);
      const std::string pointer = name == "m\\u006fdel" ? "model" : name;
      check_pointer(R"("providerOptions":{"top_k":1,")" + name + "\":" + value + "}", "/providerOptions/" + pointer);
    }
  }
  check_pointer(R"("providerOptions":{"providerOptions":{"gateway":{"order":["a"],"models":["b"]}}})",
                "/providerOptions/providerOptions");
  CHECK(
      chat_with(R"("providerOptions":{"providerOptions":{"gateway":{"order":["a"]},"x":1},"provider":{"order":["a"]},)"
                R"("modelName":1,"tools":[{"model":"image"}]})"));
}

TEST_CASE("a config is decoded with its providers, models and aliases") {
  CHECK(config_of("{}") == ordered_json::parse(R"({"providers":[],"aliases":[]})"));
  CHECK(config_of(R"({"version":1,"providers":[{"id":"a"}],"settings":{}})") ==
        ordered_json::parse(R"({"providers":[{"id":"a","models":[],"headers":[]}],"aliases":[]})"));
  CHECK(config_of(R"({"version":"2.0","providers":[
          {"id":"l\/1","name":"N","type":"anthropic-messages","baseUrl":"http:\/\/h","apiKey":"${K}",
           "headers":{"X-\u0041":"v","X-None":null},
           "models":[{"id":"m","name":"M","maxTokens":9,"default":true,"price":{}},
                     {"id":"s","script":[{"text":"x"}]}]},
          {"id":"b","baseURL":"http://other","models":null}],
        "settings":{"maxSteps":7,"defaultProviderId":"b","defaultModelId":"m","enabledModels":{"b":["m"]}},
        "models":{"fa\u0073t":{"upstream":"b/m","enabled":false,"allowedKeys":["*"]},"slow":{"upstream":"b/m"}}})") ==
        ordered_json::parse(R"({"providers":[
          {"id":"l/1","models":[{"id":"m","name":"M","default":true,"maxTokens":9},
                                {"id":"s","name":"","default":false,"script":[{"text":"x"}]}],
           "headers":[["X-A","v"]],"name":"N","type":"anthropic-messages","baseUrl":"http://h","apiKey":"${K}"},
          {"id":"b","models":[],"headers":[],"baseUrl":"http://other"}],
         "aliases":[{"name":"fast","upstream":"b/m","enabled":false,"allowedKeys":["*"]},
                    {"name":"slow","upstream":"b/m","enabled":true,"allowedKeys":[]}],
         "maxSteps":7,"defaultProviderId":"b","defaultModelId":"m"})"));
}

TEST_CASE("mistakes in a config are reported by their pointer") {
  check_pointer(R"("config":[])", "/config");
  check_pointer(R"("config":{"providers":{}})", "/config/providers");
  check_pointer(R"("config":{"providers":[{"id":"a"},{"name":"b"}]})", "/config/providers/1");
  check_pointer(R"("config":{"providers":[{"id":"a","type":"telepathy"}]})", "/config/providers/0/type");
  check_pointer(R"("config":{"providers":[{"id":"a","apiKey":["k"]}]})", "/config/providers/0/apiKey");
  check_pointer(R"("config":{"providers":[{"id":"a","headers":{"a/b~c":1}}]})", "/config/providers/0/headers/a~1b~0c");
  check_pointer(R"("config":{"providers":[{"id":"a","models":[{"name":"x"}]}]})", "/config/providers/0/models/0");
  check_pointer(R"("config":{"providers":[{"id":"a","models":[{"id":"x","maxTokens":0}]}]})",
                "/config/providers/0/models/0/maxTokens");
  check_pointer(R"("config":{"settings":{"maxSteps":51}})", "/config/settings/maxSteps");
  check_pointer(R"("config":{"models":{"x/y":{}}})", "/config/models/x~1y");
  check_pointer(R"("config":{"models":{"x":{"upstream":"a","allowedKeys":[1]}}})", "/config/models/x/allowedKeys/0");
}

TEST_CASE("every name of a wire API converts back to the same API") {
  for (int i = 0; i <= static_cast<int>(Api::mock); ++i) {
    const auto api = static_cast<Api>(i);
    CHECK(api_from_name(to_string(api)) == api);
  }
  CHECK_FALSE(api_from_name("OpenAI-Chat"));
  CHECK_FALSE(api_from_name(""));
}

TEST_CASE("mcpServers are read in the format of Claude's and VS Code's files") {
  const auto chat = chat_with(R"("mcpOnly":true,"mcpServers":{
    "files":{"command":"node","args":["a","b"],"env":{"A":"1","N":null},"cwd":"/srv","type":"stdio",
             "tools":["x"],"approval":"never","timeoutMs":7,"optional":true,"unknown":1},
    "web":{"url":"https://a.example/mcp","headers":{"X":"y"},"type":"streamable-http"}, "off":null})");
  CHECK(chat->mcp_only);
  REQUIRE(chat->mcp_servers.size() == 2);
  const McpServer& files = chat->mcp_servers[0];
  CHECK(files.name == "files");
  CHECK(files.command == "node");
  CHECK(files.args == std::vector<std::string>{"a", "b"});
  CHECK(files.env == std::vector<std::pair<std::string, std::string>>{{"A", "1"}});
  CHECK(files.cwd == "/srv");
  CHECK(files.tools == std::vector<std::string>{"x"});
  CHECK(files.approval == Approval::never);
  CHECK(files.timeout_ms == 7);
  CHECK(files.optional);
  const McpServer& web = chat->mcp_servers[1];
  CHECK(web.url == "https://a.example/mcp");
  CHECK(web.headers == std::vector<std::pair<std::string, std::string>>{{"X", "y"}});
  CHECK(web.approval == Approval::always);
  CHECK_FALSE(web.optional);
}

TEST_CASE("mcpServers that are incomplete, contradictory or of a wrong type are rejected at their pointer") {
  const auto refused = [](std::string_view server, std::string_view pointer) {
    check_pointer(R"("mcpServers":{"s":)" + std::string(server) + "}", "/mcpServers" + std::string(pointer));
  };
  check_pointer(R"("mcpServers":[])", "/mcpServers");
  check_pointer(R"("mcpServers":{"":{"command":"a"}})", "/mcpServers/");
  refused(R"({})", "/s");
  refused(R"({"command":"a","url":"https://b/"})", "/s");
  refused(R"({"command":"a","headers":{"x":"y"}})", "/s");
  refused(R"({"url":"https://b/","args":["x"]})", "/s");
  refused(R"({"url":"https://b/","type":"stdio"})", "/s");
  refused(R"({"command":"a","type":"http"})", "/s");
  refused(R"({"url":"https://b/","type":"sse"})", "/s");
  refused(R"({"command":"a","type":"carrier-pigeon"})", "/s");
  refused(R"({"command":"a\u0000b"})", "/s/command");
  refused(R"({"command":"a","args":["x","y\u0000"]})", "/s/args/1");
  refused(R"({"command":"a","args":[1]})", "/s/args/0");
  refused(R"({"command":"a","env":{"A=B":"c"}})", "/s/env");
  refused(R"({"command":"a","env":{"A":1}})", "/s/env/A");
  refused(R"({"command":"a","approval":"maybe"})", "/s/approval");
  refused(R"({"command":"a","timeoutMs":-1})", "/s/timeoutMs");
}
