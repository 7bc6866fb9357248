// Lines that are not requests, and the envelope of lines that are.
#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "tests/protocol/decoding.hpp"

using namespace aiw;
using aiw::test::chat_line;
using aiw::test::content_line;
using aiw::test::decode_as;
using aiw::test::decode_chat;
using aiw::test::decode_rejected;

namespace {

// Checks all fields of a rejection. `id` nullptr: the rejection has no id.
void check_rejected(std::string_view line, const char* id, std::string_view code, std::string_view pointer) {
  CAPTURE(line.substr(0, 200));
  const RejectedLine rejected = decode_rejected(line);
  if (id == nullptr) {
    CHECK_FALSE(rejected.id);
  } else {
    REQUIRE(rejected.id);
    CHECK(*rejected.id == id);
  }
  CHECK(rejected.error.code == code);
  CHECK(rejected.error.category == Category::invalid_request);
  CHECK(rejected.error.pointer == pointer);
  CHECK_FALSE(rejected.error.retryable);
  CHECK_FALSE(rejected.error.message.empty());
}

}  // namespace

TEST_CASE("malformed JSON is rejected without an id, with its byte offset and without its text") {
  const RejectedLine rejected = decode_rejected(R"({"id":"a","type":"chat","payload":{"system":"secret words" oops}})");
  CHECK_FALSE(rejected.id);
  CHECK(rejected.error.code == "invalid_json");
  CHECK(rejected.error.message == "expected ',' or '}' (byte 59)");
  CHECK(rejected.error.category == Category::invalid_request);
  for (const char* line : {"hello", "{", "{\"id\":\"a\"", "{\"id\":\"a\",}", "{\"id\":'a'}", "{}{}", "[1,", "",
                           "{\"id\":\"a\",\"type\":\"health\"} x"}) {
    CAPTURE(line);
    const RejectedLine r = decode_rejected(line);
    CHECK_FALSE(r.id);
    CHECK(r.error.code == "invalid_json");
    CHECK(r.error.message.find("(byte ") != std::string::npos);
  }
}

TEST_CASE("JSON that is not an object is rejected") {
  for (const char* line : {"[]", "1", "\"health\"", "null", "true", "[{\"id\":\"a\",\"type\":\"health\"}]"}) {
    check_rejected(line, nullptr, "invalid_request", "");
  }
}

TEST_CASE("a NUL byte does not cut the line") {
  const std::string line = R"({"id":"a","type":"health"})";
  check_rejected(line + '\0', nullptr, "invalid_json", "");
  check_rejected('\0' + line, nullptr, "invalid_json", "");
  check_rejected(line + '\0' + line, nullptr, "invalid_json", "");
  std::string inside = R"({"id":"aXb","type":"health"})";
  inside[8] = '\0';
  check_rejected(inside, nullptr, "invalid_json", "/id");
  CHECK(decode_as<HealthRequest>(R"({"id":"a\u0000b","type":"health"})").id == std::string("a\0b", 3));
}

TEST_CASE("invalid UTF-8 is rejected with its byte offset, and with the id if it can be read") {
  const std::string line = chat_line("\"messages\":[{\"role\":\"user\",\"content\":\"caf\xE9 \"}]");
  const RejectedLine rejected = decode_rejected(line);
  CHECK(rejected.id == "c1");
  CHECK(rejected.is_chat);
  CHECK(rejected.error.code == "invalid_utf8");
  CHECK(rejected.error.message == "not valid UTF-8 (byte " + std::to_string(line.find('\xE9')) + ")");

  check_rejected("{\"type\":\"health\",\"x\":\"\xFF\",\"id\":\"é😀\"}", "é😀", "invalid_utf8", "");
  check_rejected("{\"id\":\"a\",\"type\":\"health\",\"x\":\xFF}", nullptr, "invalid_utf8", "");
  check_rejected("{\"id\":\"a\",\"type\":\"health\",\"\xFF\":1}", "a", "invalid_utf8", "");
  check_rejected("{\"id\":\"a\",\"type\":\"health\",\"x\":\"\xED\xA0\x80\"}", "a", "invalid_utf8", "");
  check_rejected("\xFF", nullptr, "invalid_utf8", "");
  check_rejected("{\"id\":\"a\",\"type\":\"health\",\"x\":\"\xFF\"", nullptr, "invalid_utf8", "");
}

TEST_CASE("a line whose id is not valid UTF-8 is rejected without an id") {
  check_rejected("{\"id\":\"\xFF\",\"type\":\"chat\"}", nullptr, "invalid_utf8", "");
  check_rejected("{\"id\":\"a\xC3\",\"type\":\"chat\"}", nullptr, "invalid_utf8", "");
}

TEST_CASE("nesting beyond the limit is rejected at once, without extra memory") {
  const std::string nested = std::string(125, '[') + std::string(125, ']');
  const std::string deeper = std::string(127, '[') + std::string(127, ']');
  CHECK_NOTHROW(decode_chat(chat_line("\"messages\":[],\"x\":" + nested)));
  std::string pointer = "/payload/x";
  for (int i = 0; i < 126; ++i) pointer += "/0";
  check_rejected(chat_line("\"messages\":[],\"x\":" + deeper), "c1", "too_deep", pointer);
  const RejectedLine at_limit = decode_rejected(std::string(129, '['));
  CHECK(at_limit.error.code == "too_deep");
  CHECK(at_limit.error.message == "nested deeper than 128 (byte 128)");
  const RejectedLine custom = std::get<RejectedLine>(test::decode("[[[[]]]]", 3));
  CHECK(custom.error.message == "nested deeper than 3 (byte 3)");

  for (const std::size_t size : {std::size_t{1'000'000}, std::size_t{20'000'000}}) {
    for (const char* unit : {"[", "{\"a\":"}) {
      CAPTURE(size);
      std::string line;
      while (line.size() < size) line += unit;
      Request request;
      const auto begin = std::chrono::steady_clock::now();
      CHECK(test::decoding_memory(std::move(line), request) <= 1 << 20);
      CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(1));
      CHECK(std::get<RejectedLine>(request).error.code == "too_deep");
    }
  }
}

TEST_CASE("ten megabytes of empty objects are decoded within five times their size in memory") {
  std::string line = "[{}";
  while (line.size() < 10'000'000) line += ",{}";
  line += ']';
  const auto size = static_cast<long>(line.size());
  Request request;
  CHECK(test::decoding_memory(std::move(line), request) <= 5 * size);
  CHECK(std::get<RejectedLine>(request).error.code == "invalid_request");
}

TEST_CASE("a line beyond the limit is rejected as line_too_large, without an id") {
  const auto request = decode_line({{}, true}, {});
  const auto& rejected = std::get<RejectedLine>(request);
  CHECK_FALSE(rejected.id);
  CHECK(rejected.error.code == "line_too_large");
  CHECK(rejected.error.category == Category::limit);
}

TEST_CASE("mistakes in the envelope are rejected at their pointer") {
  check_rejected(R"({"id":"a","type":"frobnicate","payload":{}})", "a", "unknown_type", "/type");
  check_rejected(R"({"id":"a","type":"frobnicate"})", "a", "unknown_type", "/type");
  check_rejected(R"({"id":"a","type":"Chat"})", "a", "unknown_type", "/type");
  check_rejected(R"({"type":"health"})", nullptr, "invalid_request", "/id");
  check_rejected(R"({"id":null,"type":"health"})", nullptr, "invalid_request", "/id");
  check_rejected(R"({"id":7,"type":"health"})", nullptr, "invalid_request", "/id");
  check_rejected(R"({"id":"","type":"health"})", nullptr, "invalid_request", "/id");
  check_rejected(R"({"id":["a"],"type":"health"})", nullptr, "invalid_request", "/id");
  check_rejected(R"({"id":"a"})", "a", "invalid_request", "/type");
  check_rejected(R"({"id":"a","type":null})", "a", "invalid_request", "/type");
  check_rejected(R"({"id":"a","type":5})", "a", "invalid_request", "/type");
  check_rejected(R"({"id":"a","type":"chat","payload":[]})", "a", "invalid_request", "/payload");
  check_rejected(R"({"id":"a","type":"chat","payload":"x"})", "a", "invalid_request", "/payload");
}

TEST_CASE("an id has 1 to 256 bytes of text") {
  const auto health = [](const std::string& id) { return R"({"id":")" + id + R"(","type":"health"})"; };
  CHECK(decode_as<HealthRequest>(health(std::string(256, 'x'))).id == std::string(256, 'x'));
  check_rejected(health(std::string(257, 'x')), nullptr, "invalid_request", "/id");
  CHECK(decode_as<HealthRequest>(health(R"(\u00e9\/\"\ud83d\ude00)")).id == "é/\"😀");
}

TEST_CASE("a missing payload is rejected for the types that require one") {
  for (const char* type : {"chat", "cancel", "tool_result", "tool_approval", "models", "reload_config"}) {
    CAPTURE(type);
    const std::string head = std::string(R"({"id":"a","type":")") + type + '"';
    check_rejected(head + "}", "a", "invalid_request", "/payload");
    check_rejected(head + ",\"payload\":null}", "a", "invalid_request", "/payload");
  }
  CHECK(decode_as<HealthRequest>(R"({"id":"a","type":"health"})").id == "a");
  CHECK_FALSE(decode_as<ShutdownRequest>(R"({"id":"a","type":"shutdown","payload":null})").grace_ms);
}

TEST_CASE("only a rejected chat is marked as a chat") {
  CHECK(decode_rejected(R"({"id":"a","type":"chat","payload":{}})").is_chat);
  CHECK(decode_rejected(R"({"id":"a","type":"chat","payload":{"messages":[],"messages":[]}})").is_chat);
  CHECK_FALSE(decode_rejected(R"({"id":"a","type":"cancel","payload":{}})").is_chat);
  CHECK_FALSE(decode_rejected(R"({"id":"a","type":"chats"})").is_chat);
}

TEST_CASE("the members of the envelope may have any order, and unknown ones are allowed") {
  const auto chat = decode_chat(R"( {"payload" : {"messages":[]}, "later":{"x":[1]}, "type":"chat", "id":"z"} )");
  CHECK(chat->id == "z");
  CHECK(decode_as<HealthRequest>(R"({"id":"a","type":"health","payload":{"x":1},"extra":null})").id == "a");
}

TEST_CASE("escapes in keys and type names are decoded") {
  const auto cancel =
      decode_as<CancelRequest>(R"({"\u0069d":"x","typ\u0065":"c\u0061ncel","payload":{"chat\u0049d":"c\/1"}})");
  CHECK(cancel.id == "x");
  CHECK(cancel.chat_id == "c/1");
}

TEST_CASE("duplicate keys are rejected at any place in a line") {
  check_rejected(R"({"id":"a","type":"health","x":1,"x":1})", "a", "invalid_request", "/x");
  check_rejected(R"({"id":"a","type":"health","x":{"y":[{"z":1,"z":2}]}})", "a", "invalid_request", "/x/y/0/z");
  check_rejected(R"({"id":"a","type":"health","x":1,"\u0078":1})", "a", "invalid_request", "/x");
  check_rejected(R"({"id":"a","type":"health","\\":1,"\\":1})", "a", "invalid_request", "/\\");
  check_rejected(R"({"id":"a","type":"health","a/~":1,"a\u002f~":1})", "a", "invalid_request", "/a~1~0");
  check_rejected(chat_line(R"("messages":[{"role":"user","content":"x","role":"user"}])"), "c1", "invalid_request",
                 "/payload/messages/0/role");
}

TEST_CASE("a line with two ids is rejected without an id") {
  check_rejected(R"({"id":"a","id":"b","type":"chat"})", nullptr, "invalid_request", "/id");
  check_rejected(R"({"id":"a","\u0069d":"a","type":"chat"})", nullptr, "invalid_request", "/id");
}

TEST_CASE("a line with many keys does not take quadratic time") {
  std::string members;
  for (int i = 0; i < 200'000; ++i) members += "\"k" + std::to_string(i) + "\":0,";
  const auto begin = std::chrono::steady_clock::now();
  CHECK_NOTHROW(decode_chat(chat_line(members + "\"messages\":[]")));
  check_rejected(chat_line("\"messages\":[]," + members + "\"k77\":1"), "c1", "invalid_request", "/payload/k77");
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}

TEST_CASE("numbers out of range are rejected at any place in a line") {
  check_rejected(R"({"id":"a","type":"health","x":1e999})", "a", "invalid_request", "/x");
  check_rejected(R"({"id":"a","type":"health","x":[1,-1e999]})", "a", "invalid_request", "/x/1");
  check_rejected(R"({"id":"a","type":"health","x":NaN})", nullptr, "invalid_json", "/x");
  check_rejected(R"({"id":"a","type":"health","x":-Infinity})", nullptr, "invalid_json", "/x");
  for (const char* bad : {"18446744073709551616", "-1", "4294967297", "true", "1.0", "1e1", "\"1\"", "0", "51", "[]"}) {
    check_rejected(chat_line(R"("messages":[],"maxSteps":)" + std::string(bad)), "c1", "invalid_request",
                   "/payload/maxSteps");
  }
}

TEST_CASE("lone surrogates are replaced, with one note for the line") {
  const auto chat = decode_chat(chat_line(
      R"("messages":[{"role":"user","content":"a\ud800b"},{"role":"assistant","content":[{"type":"tool-call",)"
      R"("toolCallId":"t","toolName":"n","input":{"\udc00k":"\ud83d"}}]}],"system":"ok \ud83d\ude00")"));
  REQUIRE(chat->notes.size() == 1);
  CHECK(chat->notes[0].code == "surrogate_replaced");
  CHECK(chat->notes[0].message == "lone surrogate escapes were replaced by U+FFFD: 3");
  CHECK(chat->system.text() == "ok 😀");
  CHECK(chat->system.raw == R"(ok \ud83d\ude00)");
  CHECK(std::get<TextPart>(chat->messages[0].parts[0]).text.text() ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(std::get<ToolCallPart>(chat->messages[1].parts[0]).input.json == R"({"\ufffdk":"\ufffd"})");
}

TEST_CASE("surrogate pairs are kept unchanged") {
  const auto chat = decode_chat(content_line(R"("\ud83d\ude00\uD83D\uDE00")"));
  CHECK(chat->notes.empty());
  CHECK(std::get<TextPart>(chat->messages[0].parts[0]).text.raw == R"(\ud83d\ude00\uD83D\uDE00)");
}

TEST_CASE("lines of every type other than chat are decoded, and their mistakes are rejected") {
  CHECK(decode_as<CancelRequest>(R"({"id":"x","type":"cancel","payload":{"chatId":"c"}})").chat_id == "c");
  check_rejected(R"({"id":"x","type":"cancel","payload":{}})", "x", "invalid_request", "/payload");
  check_rejected(R"({"id":"x","type":"cancel","payload":{"chatId":null}})", "x", "invalid_request", "/payload");
  check_rejected(R"({"id":"x","type":"cancel","payload":{"chatId":1}})", "x", "invalid_request", "/payload/chatId");

  const auto approval = decode_as<ToolApprovalRequest>(
      R"({"id":"x","type":"tool_approval","payload":{"chatId":"c","toolCallId":"t","approved":true,"reason":"ok"}})");
  CHECK(approval.chat_id == "c");
  CHECK(approval.tool_call_id == "t");
  CHECK(approval.approved);
  CHECK(approval.reason == "ok");
  check_rejected(R"({"id":"x","type":"tool_approval","payload":{"chatId":"c","toolCallId":"t","approved":1}})", "x",
                 "invalid_request", "/payload/approved");

  const auto models = decode_as<ModelsRequest>(
      R"({"id":"x","type":"models","payload":{"providerId":"p","config":{"providers":[{"id":"p"}]}}})");
  CHECK(models.provider_id == "p");
  REQUIRE(models.config);
  CHECK(models.config->providers.size() == 1);
  check_rejected(R"({"id":"x","type":"models","payload":{"providerId":"p","config":{"providers":{}}}})", "x",
                 "invalid_request", "/payload/config/providers");

  CHECK(decode_as<ShutdownRequest>(R"({"id":"x","type":"shutdown","payload":{"graceMs":250}})").grace_ms == 250);
  CHECK_FALSE(decode_as<ShutdownRequest>(R"({"id":"x","type":"shutdown"})").grace_ms);
  check_rejected(R"({"id":"x","type":"shutdown","payload":{"graceMs":-1}})", "x", "invalid_request",
                 "/payload/graceMs");
}

TEST_CASE("a tool's result is converted to {type, value}") {
  const auto line = [](std::string_view output) {
    return R"({"id":"x","type":"tool_result","payload":{"chatId":"c","toolCallId":"t","output":)" +
           std::string(output) + "}}";
  };
  const auto output = [&](std::string_view json) { return decode_as<ToolResultRequest>(line(json)).output_json; };
  CHECK(output(R"("two\nlines")") == R"({"type":"text","value":"two\nlines"})");
  CHECK(output(R"({"type":"text","value":"x"})") == R"({"type":"text","value":"x"})");
  CHECK(output(R"({"type":"json","value":{"a":[1, 2]}})") == R"({"type":"json","value":{"a":[1, 2]}})");
  CHECK(output(R"({"type":"json","value":null})") == R"({"type":"json","value":null})");
  CHECK(output(R"({"type":"error-json","value":1})") == R"({"type":"error-json","value":1})");
  CHECK(output(R"({"value":"late type","type":"error-text"})") == R"({"value":"late type","type":"error-text"})");
  CHECK(output(R"({"type":"content","value":[{"type":"text","text":"x"}]})") ==
        R"({"type":"content","value":[{"type":"text","text":"x"}]})");

  const auto pointer = [&](std::string_view json) { return decode_rejected(line(json)).error.pointer; };
  CHECK(pointer("5") == "/payload/output");
  CHECK(pointer("null") == "/payload");  // null counts as absent
  CHECK(pointer(R"({"value":"x"})") == "/payload/output");
  CHECK(pointer(R"({"type":"video","value":"x"})") == "/payload/output");
  CHECK(pointer(R"({"type":7,"value":"x"})") == "/payload/output/type");
  CHECK(pointer(R"({"type":"text","value":7})") == "/payload/output");
  CHECK(pointer(R"({"type":"text"})") == "/payload/output");
  CHECK(pointer(R"({"type":"content","value":"x"})") == "/payload/output/value");
  CHECK(pointer(R"({"type":"content"})") == "/payload/output/value");
  CHECK(pointer(R"({"type":"content","value":[{"type":"text","text":"x"},{"type":"image"}]})") ==
        "/payload/output/value/1");
  CHECK(pointer(R"({"type":"content","value":[{"type":"text","text":["x"]}]})") == "/payload/output/value/0/text");
}
