// Messages, results and names, without a session.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "worker/executors/mcp/json_rpc.hpp"
#include "worker/executors/mcp/mcp_messages.hpp"
#include "worker/executors/mcp/tool_names.hpp"
#include "worker/executors/mcp/tool_result.hpp"

using namespace aiw;
using nlohmann::json;

namespace {

std::string kinds(std::string text) {
  const auto messages = read_rpc(text);
  if (!messages) return "!";
  std::string out;
  for (const auto& message : *messages) {
    out += "rnRe"[static_cast<int>(message.kind)];
  }
  return out;
}

json output(const std::string& result) { return json::parse(tool_output_of(JsonSpan{result})); }

json text_of(const std::string& value) { return {{"type", "text"}, {"value", value}}; }

}  // namespace

TEST_CASE("mcp json-rpc: requests, notifications, results, errors and batches are told apart") {
  CHECK(kinds(R"({"jsonrpc":"2.0","id":1,"method":"ping"})") == "r");
  CHECK(kinds(R"({"jsonrpc":"2.0","method":"x","params":{}})") == "n");
  CHECK(kinds(R"({"jsonrpc":"2.0","id":null,"method":"x"})") == "n");
  CHECK(kinds(R"({"jsonrpc":"2.0","id":1,"result":{}})") == "R");
  CHECK(kinds(R"({"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"m"}})") == "e");
  CHECK(kinds(R"({"jsonrpc":"2.0","id":1,"error":{"code":-1e300,"message":"m"}})") == "e");
  CHECK(kinds(R"([{"id":1,"result":{}},{"method":"x"}])") == "Rn");
  CHECK(kinds("[]").empty());
}

TEST_CASE("mcp json-rpc: an answer that says nothing, or too much, is an error for the request that waits") {
  for (const std::string text : {R"({"id":7})", R"({"id":7.0,"result":null})", R"({"result":{},"id":7,"error":{}})"}) {
    CAPTURE(text);
    std::string copy = text;
    const auto messages = read_rpc(copy);
    REQUIRE(messages);
    REQUIRE(messages->size() == 1);
    CHECK(messages->front().kind == RpcMessage::Kind::error);
    CHECK(messages->front().answers == 7);
  }
  std::string text = R"({"id":7,"result":{"a":1},"params":{"b":2}})";
  CHECK(read_rpc(text)->front().body.json == R"({"a":1})");
}

TEST_CASE("mcp json-rpc: what is no message is refused") {
  for (const std::string text :
       {"", "hello", "{", "42", "null", "[1]", "{}", R"({"id":"a"})", R"({"id":1,"result":1,})"}) {
    CAPTURE(text);
    CHECK(kinds(text) == "!");
  }
  CHECK(kinds(std::string(1200, '[') + std::string(1200, ']')) == "!");
  std::string batch = "[";
  for (int i = 0; i < 1001; ++i) batch += std::string(i > 0 ? "," : "") + R"({"method":"x"})";
  CHECK(kinds(batch + "]") == "!");
}

TEST_CASE("mcp json-rpc: an answer to what we never asked is known as such") {
  for (const std::string id :
       {R"("a1")", R"("")", R"("1 ")", "1.5", R"("1.5")", "-1", "null", "{}", "99999999999999999999"}) {
    std::string text = R"({"id":)" + id + R"(,"result":{}})";
    const auto messages = read_rpc(text);
    REQUIRE(messages);
    CHECK_FALSE(messages->at(0).answers);
  }
}

TEST_CASE("mcp json-rpc: an id that comes back as a string, and a member twice, are read as SDKs read them") {
  for (const std::string text :
       {R"({"id":"7","result":{}})", R"({"id":7.0,"result":{}})", R"({"id":1,"id":7,"result":{}})",
        "\xEF\xBB\xBF{\"id\":7,\"result\":{}}", "{\"id\":7,\"result\":{\"a\":\"\t\"}}"}) {
    CAPTURE(text);
    std::string copy = text;
    const auto messages = read_rpc(copy);
    REQUIRE(messages);
    CHECK(messages->at(0).answers == 7);
  }
  CHECK(find_answered(R"(noise {"id":"7","result":)") == std::vector<std::int64_t>{7});
  CHECK(find_answered(R"({"id":7,"method":"m","error":0)").empty());
}

TEST_CASE("mcp json-rpc: bytes that are no UTF-8 and lone surrogates are replaced, not refused") {
  std::string text = "{\"method\":\"x\",\"params\":{\"a\":\"\xff\\ud800\"}}";
  const auto messages = read_rpc(text);
  REQUIRE(messages);
  CHECK(json::parse(messages->at(0).body.json).at("a") == "\uFFFD\uFFFD");
}

TEST_CASE("mcp json-rpc: a message on many lines gives parts that fit on one") {
  std::string text = "{\"id\":7,\r\n\"result\":{\n\"a\":\"\\n\"}}";
  CHECK(read_rpc(text)->at(0).body.json == R"({ "a":"\n"})");
}

TEST_CASE("mcp json-rpc: what is written is read back") {
  std::string text = rpc_request(7, "tools/call", call_params("a\"b", R"({"x":1})", 7));
  const json message = json::parse(text);
  CHECK(message ==
        json({{"jsonrpc", "2.0"},
              {"id", 7},
              {"method", "tools/call"},
              {"params", {{"name", "a\"b"}, {"arguments", {{"x", 1}}}, {"_meta", {{"progressToken", 7}}}}}}));
  CHECK(json::parse(rpc_error({R"("q")"}, -32601, "no")).at("error").at("code") == -32601);
  CHECK(json::parse(rpc_result({"5"}, "{}")).at("id") == 5);
  CHECK_FALSE(json::parse(rpc_notification("n", {})).contains("params"));
}

TEST_CASE("mcp initialize: the four revisions are spoken, others are refused") {
  for (const std::string revision : {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"}) {
    const std::string result = R"({"protocolVersion":")" + revision + R"(","capabilities":{}})";
    const auto agreed = read_initialize_result({result});
    REQUIRE(agreed);
    CHECK(agreed->revision == revision);
    CHECK_FALSE(agreed->sends_notifications);
  }
  for (const std::string result : {"{}", "[]", R"({"protocolVersion":"2099-01-01"})", R"({"protocolVersion":5})"}) {
    CHECK_FALSE(read_initialize_result({result}));
  }
  const auto speaks = [](std::string_view capabilities) {
    const std::string result = R"({"protocolVersion":"2025-06-18","capabilities":)" + std::string(capabilities) + "}";
    return read_initialize_result({result})->sends_notifications;
  };
  CHECK(speaks(R"({"tools":{"listChanged":true}})"));
  CHECK(speaks(R"({"logging":{},"tools":{}})"));
  CHECK_FALSE(speaks(R"({"tools":{"listChanged":false}})"));
  CHECK_FALSE(speaks(R"({"tools":7})"));
  CHECK_FALSE(speaks("7"));
}

TEST_CASE("mcp tools/list: what is not a tool is left out") {
  const std::string result = R"({"tools":[
    {"name":"a","description":"A","inputSchema":{"type":"object","properties":{"x":{}}}},
    {"name":"b","title":"Bee"},
    {"name":"","inputSchema":{}}, {"inputSchema":{}}, {"name":5}, 7,
    {"name":"t","execution":{"taskSupport":"required"}},
    {"name":"o","execution":{"taskSupport":"optional"},"inputSchema":"nonsense"}],"nextCursor":"more"})";
  const auto page = read_tool_page({result}, {});
  REQUIRE(page);
  REQUIRE(page->tools.size() == 3);
  CHECK(page->tools[0].input_schema == R"({"type":"object","properties":{"x":{}}})");
  CHECK(page->tools[1].description == "Bee");
  CHECK(page->tools[2].name == "o");
  CHECK(page->tools[2].input_schema == R"({"type":"object"})");
  CHECK(page->next_cursor == "more");
  CHECK_FALSE(read_tool_page({"{}"}, {}));
  CHECK_FALSE(read_tool_page({R"({"tools":{}})"}, {}));
  CHECK_FALSE(read_tool_page({"null"}, {}));
}

TEST_CASE("fault 94: mcp tools/list: no key stands in what a server says of its tools") {
  SecretValues keys;
  keys.add("secret-value");
  keys.add("123456789");
  const auto page = read_tool_page({R"({"tools":[
    {"name":"secret-value"}, {"name":"a_secret-value_b"},
    {"name":"a","description":"use secret-val\u0075e","inputSchema":{"type":"object","properties":{"x":{"default":"secret-value"}}}},
    {"name":"b","inputSchema":{"type":"object","default":123456789}}]})"},
                                   keys);
  REQUIRE(page);
  REQUIRE(page->tools.size() == 2);
  CHECK(page->tools[0].description == "use [redacted]");
  CHECK(page->tools[0].input_schema == R"({"type":"object","properties":{"x":{"default":"[redacted]"}}})");
  CHECK(page->tools[1].input_schema == R"({"type":"object"})");  // what is left of it is no JSON
}

TEST_CASE("mcp results: text, several things, media, links and resources") {
  CHECK(output(R"({"content":[]})") == text_of(""));
  CHECK(output(R"({"content":[{"type":"text","text":"a\n\"b\""}]})") == text_of("a\n\"b\""));
  CHECK(output(R"({"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]})") ==
        json::parse(R"({"type":"content","value":[{"type":"text","text":"a"},{"type":"text","text":"b"}]})"));
  CHECK(output(R"({"content":[{"type":"image","data":"aGk=","mimeType":"image\/webp"}]})") ==
        json::parse(R"({"type":"content","value":[{"type":"image","mediaType":"image/webp","data":"aGk="}]})"));
  CHECK(output(R"({"content":[{"type":"audio","data":"aG\nk="}]})") ==
        json::parse(R"({"type":"content","value":[{"type":"audio","mediaType":"audio/wav","data":"aGk="}]})"));
  CHECK(output(R"({"content":[{"type":"resource_link","uri":"file:///a","name":"a","description":"A file"}]})") ==
        text_of("a: file:///a\nA file"));
  CHECK(output(R"({"content":[{"type":"resource","resource":{"uri":"u","text":"inside"}}]})") == text_of("inside"));
  CHECK(output(R"({"content":[{"type":"resource","resource":{"uri":"u","blob":"aGk=","mimeType":"a/b"}}]})") ==
        json::parse(R"({"type":"content","value":[{"type":"file","mediaType":"a/b","data":"aGk="}]})"));
}

TEST_CASE("mcp results: structured content is json if only text stands beside it") {
  CHECK(output(R"({"content":[{"type":"text","text":"{\"a\":1}"}],"structuredContent":{"a":1}})") ==
        json::parse(R"({"type":"json","value":{"a":1}})"));
  CHECK(output(R"({"structuredContent":{"a":1}})") == json::parse(R"({"type":"json","value":{"a":1}})"));
  CHECK(output(R"({"content":[{"type":"image","data":"aGk="}],"structuredContent":{"a":1}})").at("type") == "content");
}

TEST_CASE("mcp results: structured content that nests too deeply for a frame is given as text") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + "1" + std::string(depth, ']'); };
  CHECK(output(R"({"structuredContent":)" + nested(90) + "}").at("type") == "json");
  CHECK(output(R"({"structuredContent":)" + nested(91) + "}") == text_of(nested(91)));
  CHECK(output(R"({"isError":true,"structuredContent":)" + nested(91) + "}") ==
        json{{"type", "error-text"}, {"value", nested(91)}});
}

TEST_CASE("mcp tools/list: a schema that nests too deeply for a request takes any object") {
  const auto tools = [](int depth) {
    std::string schema = "{}";
    for (int i = 1; i < depth; ++i) schema = R"({"not":)" + schema + "}";
    const std::string result = R"({"tools":[{"name":"a","inputSchema":)" + schema + "}]}";
    return read_tool_page({result}, {})->tools;
  };
  CHECK(tools(100).at(0).input_schema.size() > 700);
  CHECK(tools(101).at(0).input_schema == R"({"type":"object"})");
}

TEST_CASE("mcp results: errors") {
  const auto error = [](const std::string& text) { return json{{"type", "error-text"}, {"value", text}}; };
  CHECK(output(R"({"isError":true,"content":[{"type":"text","text":"no"},{"type":"text","text":"way"}]})") ==
        error("no\nway"));
  CHECK(output(R"({"isError":true,"content":[],"structuredContent":{"why":1}})") ==
        json::parse(R"({"type":"error-json","value":{"why":1}})"));
  CHECK(output(R"({"isError":true,"content":[{"type":"image","data":"aGk="}]})") ==
        error("the tool failed without a message"));
  for (const std::string result : {"{}", "null", "7", R"("text")", R"({"content":"text"})"}) {
    CHECK(output(result) == error("the MCP server's response is not a tool result"));
  }
}

TEST_CASE("mcp results: data that is no base64 never becomes a URL that a provider would fetch") {
  for (const std::string data : {"http://evil.example/", "data:image/png;base64,aGk=", "file:///etc/passwd", "ä"}) {
    const json out = output(R"({"content":[{"type":"image","data":")" + data + R"("}]})");
    CHECK(out == text_of("(data that is not base64)"));
  }
}

TEST_CASE("mcp names: legal, short, unique and always the same") {
  McpToolNames names;
  names.reserve("fs__taken");
  CHECK(names.add("fs", "read_file") == "fs__read_file");
  CHECK(names.add("fs", "taken") == "fs__taken_2");
  CHECK(names.add("my server", "a.b/c") == "my_server__a_b_c");
  CHECK(names.add("my.server", "a b c") == "my_server__a_b_c_2");
  CHECK(names.add("1st", "x") == "_1st__x");
  CHECK(names.add("-", "ü") == "_-____");
  const std::string longest(64 - 4, 'x');
  CHECK(names.add("aa", longest) == "aa__" + longest);
  const std::string cut = names.add("aa", longest + "y");
  CHECK(cut.size() == 64);
  CHECK(cut.starts_with("aa__xxx"));
  CHECK(cut != names.add("aa", longest + "z"));
  CHECK(names.add("aa", longest).size() == 64);
  McpToolNames again;
  CHECK(again.add("aa", longest + "y") == cut);
}

TEST_CASE("mcp names: thousands of tools of one name get names of their own, and soon") {
  McpToolNames names;
  std::set<std::string> seen;
  for (int i = 0; i < 50'000; ++i) seen.insert(names.add("s", "same"));
  CHECK(seen.size() == 50'000);
  CHECK(seen.contains("s__same_50000"));
}

TEST_CASE(
    "fault 117: a message of more values than anybody could read is refused before it is parsed, however long its "
    "texts are") {
  std::string keys = R"({"jsonrpc":"2.0","id":1,"result":{"structuredContent":{)";
  for (int i = 0; i < 300'000; ++i) keys += '"' + std::to_string(i) + "\":1,";
  keys += R"("z":1}}})";
  const auto refused = aiw::read_rpc(keys);
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == "it has more than 300,000 values");
  std::string text = R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":")" +
                     std::string(1'000'000, ',') + R"(\"[{\\"}]}})";
  CHECK(aiw::read_rpc(text));
}
