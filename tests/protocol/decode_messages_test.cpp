// Conversations in every shape that parents store.
#include <doctest/doctest.h>

#include <string>

#include "tests/protocol/decoding.hpp"

using namespace aiw;
using aiw::test::content_line;
using aiw::test::decode_chat;
using aiw::test::decode_rejected;
using aiw::test::describe;
using aiw::test::messages_line;
using nlohmann::ordered_json;

namespace {

void check_messages(std::string_view messages, std::string_view expected) {
  CHECK(describe(decode_chat(messages_line(messages))->messages) == ordered_json::parse(expected));
}

// Checks the decoded parts of one user message.
void check_parts(std::string_view parts, std::string_view expected) {
  const auto chat = decode_chat(content_line(parts));
  CHECK(describe(chat->messages) == ordered_json::parse(R"([{"user":)" + std::string(expected) + "}]"));
}

// Checks the decoded parts of an assistant's UI message.
void check_ui(std::string_view parts, std::string_view expected) {
  check_messages(R"([{"id":"m1","role":"assistant","parts":)" + std::string(parts) + "}]", expected);
}

void check_pointer(std::string_view messages, std::string_view pointer) {
  CAPTURE(messages);
  const RejectedLine rejected = decode_rejected(messages_line(messages));
  CHECK(rejected.id == "c1");
  CHECK(rejected.error.code == "invalid_request");
  CHECK(rejected.error.pointer == "/payload/messages" + std::string(pointer));
}

const Message& only_message(const std::unique_ptr<ChatRequest>& chat) {
  REQUIRE(chat->messages.size() == 1);
  return chat->messages.front();
}

}  // namespace

TEST_CASE("text and media parts keep their provider state, cache mark and file id") {
  const auto chat = decode_chat(content_line(
      R"([{"type":"text","text":"a","providerState":"g:{}","cache":true},{"type":"file","fileId":"f-1","cache":"1h"},
          {"type":"image","data":"AAAA","providerState":"g:1","cache":false}])"));
  const auto& parts = only_message(chat).parts;
  const auto& text = std::get<TextPart>(parts[0]);
  CHECK(text.provider_state.raw == "g:{}");
  CHECK(text.cache == CacheMark::five_minutes);
  const auto& file = std::get<MediaPart>(parts[1]);
  CHECK(file.file_id.raw == "f-1");
  CHECK(file.data.empty());
  CHECK(file.cache == CacheMark::one_hour);
  const auto& image = std::get<MediaPart>(parts[2]);
  CHECK(image.provider_state.raw == "g:1");
  CHECK(image.cache == CacheMark::none);
}

TEST_CASE("a message's cache mark applies to its last part") {
  const auto chat = decode_chat(messages_line(
      R"([{"role":"user","cache":"5m","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}])"));
  const auto& parts = only_message(chat).parts;
  CHECK(std::get<TextPart>(parts[0]).cache == CacheMark::none);
  CHECK(std::get<TextPart>(parts[1]).cache == CacheMark::five_minutes);
  check_pointer(R"([{"role":"user","cache":"2h","content":""}])", "/0/cache");
}

TEST_CASE("a media part must have exactly one source") {
  check_pointer(R"([{"role":"user","content":[{"type":"file","fileId":"f","data":"AAAA"}]}])", "/0/content/0");
  check_pointer(R"([{"role":"user","content":[{"type":"file"}]}])", "/0/content/0");
}

TEST_CASE("content that is a string becomes one text part") {
  check_messages(R"([{"role":"system","content":"s"},{"role":"developer","content":"d"},{"role":"user","content":"u"},
                     {"role":"assistant","content":""}])",
                 R"([{"system":[{"text":"s"}]},{"system":[{"text":"d"}]},{"user":[{"text":"u"}]},
                     {"assistant":[{"text":""}]}])");
}

TEST_CASE("content that is a list of parts keeps their order and their bytes") {
  check_parts(R"([{"type":"text","text":"a\n\"\u00e9"},{"text":"b","type":"text"}])",
              R"([{"text":"a\n\"é"},{"text":"b"}])");
  const auto chat = decode_chat(content_line(R"([{"type":"text","text":"a\/\u00e9"}])"));
  CHECK(std::get<TextPart>(chat->messages[0].parts[0]).text.raw == R"(a\/\u00e9)");
  check_messages(R"([{"role":"user","content":[]}])", R"([{"user":[]}])");
}

TEST_CASE("reasoning parts and provider parts are decoded") {
  check_messages(
      R"([{"role":"assistant","content":[{"type":"reasoning","text":"hm","providerState":"c2ln"},
                     {"type":"reasoning","text":"x"},{"type":"provider","providerState":"eA=="},{"type":"text","text":"so"}]}])",
      R"([{"assistant":[{"reasoning":"hm","state":"c2ln"},{"reasoning":"x"},{"provider":"eA=="},{"text":"so"}]}])");
}

TEST_CASE("media parts are decoded from data and from URLs") {
  check_parts(R"([{"type":"image","mediaType":"image/png","data":"AAAA"}])",
              R"([{"media":"image","type":"image/png","data":"AAAA"}])");
  check_parts(R"([{"type":"image","url":"https://h/a.png"}])", R"([{"media":"image","url":"https://h/a.png"}])");
  check_parts(R"([{"type":"file","mediaType":"application/pdf","data":"JVBE","filename":"a\/b.pdf"}])",
              R"([{"media":"file","type":"application/pdf","data":"JVBE","filename":"a/b.pdf"}])");
  check_parts(R"([{"type":"audio","mediaType":"audio/wav","data":"UklG"}])",
              R"([{"media":"audio","type":"audio/wav","data":"UklG"}])");
  check_parts(R"([{"type":"file","mimeType":"image/gif","data":"R0lG"}])",
              R"([{"media":"image","type":"image/gif","data":"R0lG"}])");
  check_parts(R"([{"type":"file","mediaType":"audio/mpeg","url":"https://h/a"}])",
              R"([{"media":"audio","type":"audio/mpeg","url":"https://h/a"}])");
  check_parts(R"([{"type":"image","image":"https:\/\/h\/a.png"}])", R"([{"media":"image","url":"https://h/a.png"}])");
  check_parts(R"([{"type":"image","image":"AAAA","mediaType":"image/png"}])",
              R"([{"media":"image","type":"image/png","data":"AAAA"}])");
}

TEST_CASE("a data URL is split into media type and data") {
  check_parts(R"([{"type":"file","url":"data:image/png;base64,iVBO"}])",
              R"([{"media":"image","type":"image/png","data":"iVBO"}])");
  check_parts(R"([{"type":"image","url":"data:image\/png;base64,iV\/O","mediaType":"image/jpeg"}])",
              R"([{"media":"image","type":"image/png","data":"iV/O"}])");
  check_parts(R"([{"type":"file","data":"data:text/plain;charset=utf-8;base64,aGk="}])",
              R"([{"media":"file","type":"text/plain","data":"aGk="}])");
  check_parts(R"([{"type":"file","url":"data:audio/wav;base64,UklG"}])",
              R"([{"media":"audio","type":"audio/wav","data":"UklG"}])");
  check_parts(R"([{"type":"file","url":"data:text/plain,hello"}])",
              R"([{"media":"file","url":"data:text/plain,hello"}])");
}

TEST_CASE("a data URL without a media type keeps the part's own") {
  check_parts(R"([{"type":"file","url":"data:;base64,JVBE","mediaType":"application/pdf"}])",
              R"([{"media":"file","type":"application/pdf","data":"JVBE"}])");
}

TEST_CASE("tool calls and their results are decoded") {
  check_messages(
      R"([{"role":"assistant","content":[{"type":"text","text":"I look."},
            {"type":"tool-call","toolCallId":"t\/1","toolName":"look\u0075p","input":{"a":[1, 2]},"inputText":"{\"a\":[1,2]}",
             "providerState":"s"},
            {"type":"tool-call","toolCallId":"t2","toolName":"probe"}]},
          {"role":"tool","content":[{"type":"tool-result","toolCallId":"t\/1","toolName":"lookup","output":"plain"},
            {"type":"tool-result","toolCallId":"t2","output":{"type":"json","value":{"x":null}}}]}])",
      R"([{"assistant":[{"text":"I look."},
            {"call":"t/1","tool":"lookup","input":{"a":[1,2]},"inputText":"{\"a\":[1,2]}","state":"s"},
            {"call":"t2","tool":"probe","input":{}}]},
          {"tool":[{"result":"t/1","tool":"lookup","text":"plain"},{"result":"t2","json":{"x":null}}]}])");
}

TEST_CASE("a call input that was not JSON is absent, and its text is kept") {
  check_messages(
      R"([{"role":"assistant","content":[{"type":"tool-call","toolCallId":"t","toolName":"n","input":null,"inputText":"{bad"}]}])",
      R"([{"assistant":[{"call":"t","tool":"n","input":{},"inputText":"{bad"}]}])");
}

TEST_CASE("every type of tool output is decoded") {
  const auto check_output = [](std::string_view output, std::string_view expected) {
    check_messages(
        R"([{"role":"tool","content":[{"type":"tool-result","toolCallId":"t","output":)" + std::string(output) + "}]}]",
        R"([{"tool":[{"result":"t",)" + std::string(expected) + "}]}]");
  };
  check_output(R"("s\n")", R"("text":"s\n")");
  check_output(R"({"type":"text","value":""})", R"("text":"")");
  check_output(R"({"type":"json","value":[1,{}]})", R"("json":[1,{}])");
  check_output(R"({"type":"json","value":null})", R"("json":null)");
  check_output(R"({"type":"json"})", R"("json":null)");
  check_output(R"({"type":"error-text","value":"no"})", R"("error-text":"no")");
  check_output(R"({"value":{"e":1},"type":"error-json"})", R"("error-json":{"e":1})");
  check_output(
      R"({"type":"content","value":[{"type":"text","text":"t"},{"type":"media","mediaType":"image/png","data":"AA"},
          {"type":"image","url":"data:image/gif;base64,R0"},{"type":"file","data":"JV","mediaType":"application/pdf"}]})",
      R"("content":[{"text":"t"},{"media":"image","type":"image/png","data":"AA"},
          {"media":"image","type":"image/gif","data":"R0"},{"media":"file","type":"application/pdf","data":"JV"}])");
  check_output(R"({"type":"content","value":[]})", R"("content":[])");
}

TEST_CASE("UI messages: text, reasoning and files are decoded") {
  check_messages(R"([{"id":"m1","role":"user","parts":[{"type":"text","text":"Look."},
            {"type":"file","mediaType":"image/png","url":"data:image/png;base64,iVBO","filename":"a.png"}],"metadata":{"x":1}},
          {"id":"m2","role":"assistant","parts":[{"type":"step-start"},{"type":"reasoning","text":"Hm","state":"done"},
            {"type":"text","text":"A cat.","state":"done"},{"type":"source-url","sourceId":"s","url":"https://h"},
            {"type":"source-document","sourceId":"s","mediaType":"x","title":"t"},{"type":"data-weather","id":"w","data":{"t":1}},
            {"type":"data-n","data":"text"}]}])",
                 R"([{"user":[{"text":"Look."},{"media":"image","type":"image/png","data":"iVBO","filename":"a.png"}]},
          {"assistant":[{"reasoning":"Hm"},{"text":"A cat."}]}])");
}

TEST_CASE("UI messages: a tool result follows its call, and later text follows both") {
  check_ui(R"([{"type":"step-start"},{"type":"text","text":"I look."},
              {"type":"tool-lookup","toolCallId":"t1","state":"output-available","input":{"q":1},"output":{"n":[2]}},
              {"type":"tool-read\/file","toolCallId":"t2","state":"output-available","input":{},"output":"text"},
              {"type":"step-start"},{"type":"text","text":"Found."}])",
           R"([{"assistant":[{"text":"I look."},{"call":"t1","tool":"lookup","input":{"q":1}},
                             {"call":"t2","tool":"read/file","input":{}}]},
               {"tool":[{"result":"t1","tool":"lookup","json":{"n":[2]}},{"result":"t2","tool":"read/file","text":"text"}]},
               {"assistant":[{"text":"Found."}]}])");
}

TEST_CASE("UI messages: text after a tool starts a new message, even without step-start") {
  check_ui(
      R"([{"type":"dynamic-tool","toolName":"x\u0031","toolCallId":"t1","state":"output-available","input":[1],"output":2},
              {"type":"text","text":"So."},
              {"type":"tool-b","toolCallId":"t2","state":"output-available","input":{},"output":false},
              {"type":"reasoning","text":"Hm."}])",
      R"([{"assistant":[{"call":"t1","tool":"x1","input":[1]}]},{"tool":[{"result":"t1","tool":"x1","json":2}]},
               {"assistant":[{"text":"So."},{"call":"t2","tool":"b","input":{}}]},
               {"tool":[{"result":"t2","tool":"b","json":false}]},{"assistant":[{"reasoning":"Hm."}]}])");
}

TEST_CASE("UI messages: a step without text becomes its own message") {
  check_ui(R"([{"type":"step-start"},{"type":"tool-a","toolCallId":"t1","state":"output-available","output":1},
              {"type":"step-start"},{"type":"tool-a","toolCallId":"t2","state":"output-available","output":2},
              {"type":"step-start"}])",
           R"([{"assistant":[{"call":"t1","tool":"a","input":{}}]},{"tool":[{"result":"t1","tool":"a","json":1}]},
               {"assistant":[{"call":"t2","tool":"a","input":{}}]},{"tool":[{"result":"t2","tool":"a","json":2}]}])");
}

TEST_CASE("UI messages: a failed tool becomes an error result") {
  check_ui(R"([{"type":"tool-a","toolCallId":"t1","state":"output-error","input":{},"errorText":"no \"way\""},
              {"type":"tool-b","toolCallId":"t2","state":"output-error","input":null,"errorText":""},
              {"type":"tool-c","toolCallId":"t3","state":"output-error"},
              {"type":"dynamic-tool","toolName":"d","toolCallId":"t4","state":"output-error","output":"old","errorText":"new"}])",
           R"([{"assistant":[{"call":"t1","tool":"a","input":{}},{"call":"t2","tool":"b","input":{}},
                             {"call":"t3","tool":"c","input":{}},{"call":"t4","tool":"d","input":{}}]},
               {"tool":[{"result":"t1","tool":"a","error-text":"no \"way\""},{"result":"t2","tool":"b","error-text":""},
                        {"result":"t3","tool":"c","error-text":""},{"result":"t4","tool":"d","error-text":"new"}]}])");
}

TEST_CASE("UI messages: a tool that returned nothing has a null result") {
  check_ui(R"([{"type":"tool-a","toolCallId":"t1","state":"output-available","input":{},"output":null},
              {"type":"tool-b","toolCallId":"t2","state":"output-available","input":{}}])",
           R"([{"assistant":[{"call":"t1","tool":"a","input":{}},{"call":"t2","tool":"b","input":{}}]},
               {"tool":[{"result":"t1","tool":"a","json":null},{"result":"t2","tool":"b","json":null}]}])");
}

TEST_CASE("UI messages: a call that waits for its result has none") {
  check_ui(R"([{"type":"tool-a","toolCallId":"t1","state":"input-available","input":{"x":1}}])",
           R"([{"assistant":[{"call":"t1","tool":"a","input":{"x":1}}]}])");
}

TEST_CASE("UI messages: provider metadata that the worker's stream wrote is read back") {
  const auto with = [](std::string_view fields, std::string_view metadata, std::string_view expected) {
    check_ui("[{" + std::string(fields) + R"(,"providerMetadata":{"other":{"aiWorker":1},"aiWorker":)" +
                 std::string(metadata) + "}}]",
             R"([{"assistant":[)" + std::string(expected) + "]}]");
  };
  with(R"("type":"reasoning","text":"Hm")", R"({"providerState":"s\""})", R"({"reasoning":"Hm","state":"s\""})");
  with(R"("type":"text","text":"A")", R"({"providerState":"s","more":[]})", R"({"text":"A","state":"s"})");
  with(R"("type":"custom","kind":"aiWorker.provider")", R"({"providerState":"s"})", R"({"provider":"s"})");
  with(R"("type":"custom","kind":"a.b")", "{}", "");
  with(R"("type":"file","mediaType":"image/png","url":"data:image/png;base64,iVBO")",
       R"({"filename":"a","providerState":"s"})",
       R"({"media":"image","type":"image/png","data":"iVBO","filename":"a","state":"s"})");
  with(R"("type":"dynamic-tool","toolName":"n","toolCallId":"t","state":"output-available","output":1)",
       R"({"shownOnly":true})", "");
}

TEST_CASE("UI messages: a tool part keeps the model's input text and the type of its output") {
  const auto with = [](std::string_view fields, std::string_view call, std::string_view result) {
    check_ui(R"([{"type":"dynamic-tool","toolName":"n","toolCallId":"t",)" + std::string(fields) + "}]",
             R"([{"assistant":[{"call":"t","tool":"n",)" + std::string(call) +
                 R"(}]},{"tool":[{"result":"t","tool":"n",)" + std::string(result) + "}]}]");
  };
  with(R"("state":"output-available","input":{"a":1},"output":"x",
          "callProviderMetadata":{"aiWorker":{"inputText":"{\"a\": 1.0}","providerState":"s"}},
          "resultProviderMetadata":{"aiWorker":{"outputType":"json"}})",
       R"("input":{"a":1},"inputText":"{\"a\": 1.0}","state":"s")", R"("json":"x")");
  with(R"("state":"output-available","input":{},"output":[{"type":"text","text":"t"}],
          "resultProviderMetadata":{"aiWorker":{"outputType":"content"}})",
       R"("input":{})", R"("content":[{"text":"t"}])");
  with(R"("state":"output-error","input":{},"errorText":"{\"e\":1}",
          "resultProviderMetadata":{"aiWorker":{"errorValue":{"e":1}}})",
       R"("input":{})", R"("error-json":{"e":1})");
  with(R"("state":"output-denied","input":{},"approval":{"id":"t","approved":false},
          "callProviderMetadata":{"aiWorker":{"denied":"no: \"x\""}})",
       R"("input":{})", R"("error-text":"no: \"x\"")");
  with(R"("state":"output-denied","input":{},"approval":{"id":"t","approved":false})", R"("input":{})",
       R"("error-text":"the call was not approved")");
}

TEST_CASE("UI messages: foreign metadata is ignored, and malformed aiWorker metadata is rejected") {
  check_ui(R"([{"type":"text","text":"A","providerMetadata":"x"}])", R"([{"assistant":[{"text":"A"}]}])");
  check_pointer(R"([{"role":"assistant","parts":[{"type":"text","text":"A","providerMetadata":{"aiWorker":1}}]}])",
                "/0/parts/0/providerMetadata/aiWorker");
  check_pointer(
      R"([{"role":"assistant","parts":[{"type":"tool-a","toolCallId":"t","state":"output-available","output":{},
                     "resultProviderMetadata":{"aiWorker":{"outputType":"content"}}}]}])",
      "/0/parts/0/output");
}

TEST_CASE("UI messages: a call whose input is incomplete is dropped") {
  check_ui(
      R"([{"type":"text","text":"A"},{"type":"tool-a","toolCallId":"t1","state":"input-streaming","input":{"x":1}}])",
      R"([{"assistant":[{"text":"A"}]}])");
}

TEST_CASE("UI messages: with step-start marks, text may follow a finished call within its step") {
  check_ui(R"([{"type":"step-start"},{"type":"tool-a","toolCallId":"t1","state":"output-available","output":1},
               {"type":"text","text":"Then."},{"type":"step-start"},{"type":"text","text":"So."}])",
           R"([{"assistant":[{"call":"t1","tool":"a","input":{}},{"text":"Then."}]},
               {"tool":[{"result":"t1","tool":"a","json":1}]},{"assistant":[{"text":"So."}]}])");
}

TEST_CASE("LeanSpec's history has calls and results as parts of one message") {
  check_ui(
      R"([{"type":"text","text":"a"},{"type":"tool-call","toolCallId":"t1","toolName":"n","input":{"q":1}},
              {"type":"tool-call","toolCallId":"t2","toolName":"n","input":{}},
              {"type":"tool-result","toolCallId":"t1","toolName":"n","output":{"type":"text","value":"r1"}},
              {"type":"tool-result","toolCallId":"t2","toolName":"n","output":"r2"},
              {"type":"text","text":"b"},{"type":"source-url","url":"https://h"}])",
      R"([{"assistant":[{"text":"a"},{"call":"t1","tool":"n","input":{"q":1}},{"call":"t2","tool":"n","input":{}}]},
               {"tool":[{"result":"t1","tool":"n","text":"r1"},{"result":"t2","tool":"n","text":"r2"}]},
               {"assistant":[{"text":"b"}]}])");
}

TEST_CASE("a message without content for the model is kept as an empty message") {
  check_ui("[]", R"([{"assistant":[]}])");
  check_ui(R"([{"type":"step-start"},{"type":"data-x","data":1}])", R"([{"assistant":[]}])");
}

TEST_CASE("parts take precedence over content, and null counts as absent") {
  check_messages(R"([{"role":"user","content":"c","parts":[{"type":"text","text":"p"}]}])",
                 R"([{"user":[{"text":"p"}]}])");
  check_messages(R"([{"role":"user","content":"c","parts":null}])", R"([{"user":[{"text":"c"}]}])");
  check_messages(R"([{"content":"first","name":null,"role":"user","x":{}}])", R"([{"user":[{"text":"first"}]}])");
  check_parts(R"([{"type":"image","data":null,"url":"https://h","mediaType":null,"providerOptions":{"a":1}}])",
              R"([{"media":"image","url":"https://h"}])");
}

TEST_CASE("mistakes in messages are reported by their pointer") {
  check_pointer(R"({})", "");
  check_pointer(R"("hi")", "");
  check_pointer(R"([{"role":"user","content":"x"},null])", "/1");
  check_pointer(R"([[]])", "/0");
  check_pointer(R"([{"content":"x"}])", "/0");
  check_pointer(R"([{"role":"robot","content":"x"}])", "/0/role");
  check_pointer(R"([{"role":1,"content":"x"}])", "/0/role");
  check_pointer(R"([{"role":"user"}])", "/0");
  check_pointer(R"([{"role":"user","content":null}])", "/0");
  check_pointer(R"([{"role":"user","content":5}])", "/0/content");
  check_pointer(R"([{"role":"user","content":{"type":"text","text":"x"}}])", "/0/content");
  check_pointer(R"([{"role":"user","parts":5}])", "/0/parts");
}

TEST_CASE("mistakes in parts are reported by their pointer") {
  const auto check = [](std::string_view part, std::string_view pointer) {
    const std::string first = R"({"type":"text","text":"fine"},)";
    check_pointer(R"([{"role":"user","content":"x"},{"role":"user","content":[)" + first + std::string(part) + "]}]",
                  "/1/content/1" + std::string(pointer));
    check_pointer(R"([{"role":"user","content":"x"},{"role":"user","parts":[)" + first + std::string(part) + "]}]",
                  "/1/parts/1" + std::string(pointer));
  };
  check("null", "");
  check("\"text\"", "");
  check("{}", "");
  check(R"({"text":"x"})", "");
  check(R"({"type":"video","url":"https://h"})", "");
  check(R"({"type":5})", "/type");
  check(R"({"type":"text","text":5})", "/text");
  check(R"({"type":"reasoning","text":"x","providerState":{"a":1}})", "/providerState");
  check(R"({"type":"image"})", "");
  check(R"({"type":"image","data":""})", "");
  check(R"({"type":"image","data":[1,2]})", "");
  check(R"({"type":"image","url":{"href":"x"}})", "/url");
  check(R"({"type":"file","data":"x","filename":1})", "/filename");
  check(R"({"type":"tool-call","toolName":"n","input":{}})", "");
  check(R"({"type":"tool-call","toolCallId":"t","input":{}})", "");
  check(R"({"type":"tool-call","toolCallId":7,"toolName":"n"})", "/toolCallId");
  check(R"({"type":"tool-call","toolCallId":"t","toolName":"n","inputText":{}})", "/inputText");
  check(R"({"type":"tool-result","output":"x"})", "");
  check(R"({"type":"tool-result","toolCallId":"t"})", "");
  check(R"({"type":"tool-result","toolCallId":"t","output":7})", "/output");
  check(R"({"type":"tool-result","toolCallId":"t","output":{"type":"sound"}})", "/output");
  check(R"({"type":"tool-result","toolCallId":"t","output":{"type":[]}})", "/output/type");
  check(R"({"type":"tool-result","toolCallId":"t","output":{"type":"text","value":1}})", "/output");
  check(R"({"type":"tool-result","toolCallId":"t","output":{"type":"content","value":7}})", "/output/value");
  check(R"({"type":"tool-result","toolCallId":"t","output":{"type":"content","value":["x"]}})", "/output/value/0");
  check(R"({"type":"tool-result","toolCallId":"t","output":{"type":"content","value":[{"type":"text","text":1}]}})",
        "/output/value/0/text");
  check(R"({"type":"tool-lookup","input":{}})", "");
  check(R"({"type":"dynamic-tool","toolCallId":"t"})", "");
  check(R"({"type":"tool-","toolCallId":"t"})", "");
}

TEST_CASE("a long history does not take quadratic time") {
  std::string messages = "[";
  for (int i = 0; i < 100'000; ++i) messages += R"({"role":"user","content":[{"type":"text","text":"\n"}]},)";
  messages.back() = ']';
  CHECK(decode_chat(messages_line(messages))->messages.size() == 100'000);
}

TEST_CASE("decode_messages reads messages that the worker wrote") {
  std::string json =
      R"([{"role":"assistant","content":[{"type":"text","text":"a\n"},{"type":"tool-call","toolCallId":"t",)"
      R"("toolName":"n","input":{},"inputText":"{}"}]},{"role":"tool","content":[{"type":"tool-result",)"
      R"("toolCallId":"t","toolName":"n","output":{"type":"text","value":"r"}}]}])";
  CHECK(describe(decode_messages(json)) ==
        ordered_json::parse(R"([{"assistant":[{"text":"a\n"},{"call":"t","tool":"n","input":{},"inputText":"{}"}]},
                                {"tool":[{"result":"t","tool":"n","text":"r"}]}])"));
}
