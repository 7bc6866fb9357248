// Shapes of responses from providers.
#include <utility>

#include "tests/growth/shapes.hpp"
#include "tests/providers/bedrock/event_stream.hpp"
#include "worker/base/base64.hpp"

namespace aiw::growth {
namespace {

using std::size_t;
using std::string;
using Make = std::function<string(size_t i)>;

// Response format of an API: its first and last events, and the framing of events.
struct Wire {
  string api;
  std::function<string(const string& json)> event;
  string begin, end;  // first and last events
  string type = "text/event-stream";
};

string sse(const string& json) { return "data: " + json + "\n\n"; }
string line(const string& json) { return json + "\n"; }

string converse(const string& type, const string& json) { return testing::bedrock_event(type, json); }
string invoke(const string& json) {
  return testing::bedrock_event("chunk", R"({"bytes":")" + base64_encode(json) + "\"}");
}

const string kMore = R"(,"tools":[{"name":"t","executor":"return"}],"logprobs":true)";
const string kLong(64, 'x');
const string kRich = R"({"a":[1,2,{"b":"c"}],"d":null,"e":"f"})";

class Shapes {
 public:
  Shapes(std::vector<Shape>& shapes, Wire wire) : shapes_(shapes), wire_(std::move(wire)) {}

  // Adds a stream of n events made by `make`.
  void events(const string& name, const Make& make, size_t n = 64) {
    stream(name, [make](size_t i) { return repeat(i, make); }, n);
  }

  // Adds a long first event, then n tiny events of the same kind. A step that processes the earlier text again becomes
  // visible in the counts.
  void pieces(const string& name, const std::function<string(const string& piece)>& make, size_t n = 64) {
    stream(
        name, [make](size_t i) { return make(string(256 * i, 'A')) + repeat(i, [&](size_t) { return make("AAAA"); }); },
        n);
  }

  void stream(const string& name, const Make& body, size_t n = 64) {
    add("stream/" + name, n,
        [wire = wire_, body](size_t i) { return Response{wire.type, wire.begin + body(i) + wire.end}; });
  }

  void unary(const string& name, const Make& body, size_t n = 64) {
    add(
        "unary/" + name, n, [body](size_t i) { return Response{"application/json", body(i)}; },
        R"(,"stream":{"upstream":false})");
  }

  // Adds the following shapes in this dialect.
  void in_dialect(const string& name, Dialect dialect, const string& more) {
    dialect_ = dialect;
    dialect_name_ = name;
    dialect_more_ = more;
  }

  [[nodiscard]] string event(const string& json) const { return wire_.event(json); }

 private:
  void add(const string& name, size_t n, std::function<Response(size_t n)> response, const string& more = "") {
    shapes_.push_back(
        {wire_.api + "/" + dialect_name_ + name, n,
         [=, api = wire_.api, dialect = dialect_, extra = dialect_more_.empty() ? more : dialect_more_](size_t i) {
           return Scene{.lines = {chat_line(api, kMore + extra)}, .provider = {response(i)}, .dialect = dialect};
         }});
  }

  std::vector<Shape>& shapes_;
  const Wire wire_;
  Dialect dialect_ = Dialect::v1;
  string dialect_name_, dialect_more_;
};

string objects(size_t n, const string& rest) {
  return "{" + repeat(n, [&](size_t i) { return "\"k" + number(i) + "\":" + rest; }, ",") + "}";
}
string nested(size_t n) {
  return repeat(n % 60, [](size_t) { return string(R"({"a":[)"); }) +
         repeat(n % 60, [](size_t) { return string("]}"); });
}
string escaped(const string& json) {
  string out;
  for (const char c : json) out += (c == '"' || c == '\\') ? string("\\") + c : string(1, c);
  return out;
}

void openai_chat(Shapes s, bool dialects) {
  const auto delta = [s](const string& members) {
    return s.event(R"({"choices":[{"index":0,"delta":{)" + members + "}}]}");
  };
  const auto call = [delta](const string& index, const string& id, const string& name, const string& arguments) {
    return delta(R"("tool_calls":[{)" + index + R"("id":")" + id + R"(","function":{"name":")" + name +
                 R"(","arguments":")" + arguments + "\"}}]");
  };
  s.events("text", [=](size_t) { return delta(R"("content":"hello")"); });
  s.pieces("long text then short", [=](const string& p) { return delta(R"("content":")" + p + "\""); });
  s.events("reasoning and text in turn",
           [=](size_t) { return delta(R"("reasoning_content":"r")") + delta(R"("content":"t")"); });
  s.events("calls", [=](size_t i) { return call("\"index\":" + std::to_string(i) + ",", "c" + number(i), "t", "{}"); });
  s.events("calls without index", [=](size_t i) { return call("", "c" + number(i), "t", "{}"); });
  s.events("calls without id", [=](size_t i) { return call("\"index\":" + std::to_string(i) + ",", "", "t", "{}"); });
  s.events("calls of one id", [=](size_t i) { return call("\"index\":" + std::to_string(i) + ",", "c", "t", "{}"); });
  s.stream("calls of one id whose suffixes are used", [=](size_t n) {
    const auto numbered = [&](size_t i, const string& id) {
      return call("\"index\":" + std::to_string(i) + ",", id, "t", "{}");
    };
    return repeat(n, [&](size_t i) { return numbered(i, "c_" + std::to_string(i)); }) +
           repeat(n, [&](size_t i) { return numbered(n + i, "c_" + std::to_string(n + i)); }) +
           repeat(n, [&](size_t i) { return numbered(2 * n + i, "c"); });
  });
  s.stream("open calls written in turn", [=](size_t n) {
    return repeat(n,
                  [&](size_t i) { return call("\"index\":" + std::to_string(i) + ",", "c" + number(i), "t", "{"); }) +
           repeat(n, [&](size_t i) { return call("\"index\":" + std::to_string(i) + ",", "", "", "}"); });
  });
  s.pieces("long arguments then short", [=](const string& p) { return call("\"index\":0,", "c", "t", p); });
  s.stream("long id then pieces", [=](size_t n) {
    return call("\"index\":0,", "c" + string(256 * n, 'i'), "t", "") +
           repeat(n, [&](size_t) { return call("\"index\":0,", "", "", " "); });
  });
  s.stream("long name", [=](size_t n) { return call("\"index\":0,", "c", string(1024 * n, 'n'), "{}"); });
  s.stream(
      "arguments of many keys", [=](size_t n) { return call("\"index\":0,", "c", "t", escaped(objects(n, "0"))); },
      400);
  s.stream("deep arguments", [=](size_t n) { return call("\"index\":0,", "c", "t", escaped(nested(n))); }, 16);
  s.events("reasoning_details", [=](size_t i) {
    return delta(R"("reasoning_details":[{"type":"reasoning.text","index":)" + std::to_string(i) +
                 R"(,"text":"x","signature":"s"}])");
  });
  s.pieces("reasoning_details of one index", [=](const string& p) {
    return delta(R"("reasoning_details":[{"type":"reasoning.text","index":0,"text":")" + p + "\"}]");
  });
  s.pieces("reasoning_details sealed", [=](const string& p) {
    return delta(R"("reasoning_details":[{"type":"reasoning.encrypted","index":0,"data":")" + p + "\"}]");
  });
  s.events("annotations", [=](size_t i) {
    return delta(R"("annotations":[{"type":"url_citation","url_citation":{"url":"https://e.example/)" + number(i) +
                 R"(","title":"t"}}])");
  });
  s.events("citations", [=](size_t i) {
    return s.event(R"({"citations":["https://e.example/)" + number(i) + R"("],"choices":[]})");
  });
  s.stream("citations of one address with a long quote", [=](size_t n) {
    return s.event(R"({"choices":[],"citations":[)" +
                   repeat(
                       n, [](size_t) { return string("\"u\""); }, ",") +
                   R"(],"search_results":[{"url":"u","snippet":")" + string(1024 * n, 's') + "\"}]}");
  });
  s.stream("citations in one", [=](size_t n) {
    return s.event(
        "{\"citations\":[" +
        repeat(
            n, [](size_t i) { return "\"https://e.example/" + number(i) + "\""; }, ",") +
        "],\"search_results\":[" +
        repeat(
            n, [](size_t i) { return R"({"url":"https://e.example/)" + number(i) + R"(","title":"t"})"; }, ",") +
        "],\"choices\":[]}");
  });
  s.events("images", [=](size_t) { return delta(R"("images":[{"image_url":{"url":"data:image/png;base64,AAAA"}}])"); });
  s.pieces("audio", [=](const string& p) { return delta(R"("audio":{"data":")" + p + R"(","transcript":"t"})"); });
  s.events("executed tools", [=](size_t i) {
    return delta(R"("executed_tools":[{"index":)" + std::to_string(i) +
                 R"(,"type":"search","arguments":"{}","output":"o"}])");
  });
  s.events("logprobs", [=](size_t) {
    return s.event(
        R"({"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-1,"top_logprobs":[{"token":"b","logprob":-2}]}]}}]})");
  });
  s.events("usage", [=](size_t i) {
    return s.event(R"({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":)" + std::to_string(i) + "}}");
  });
  s.events("unknown", [=](size_t) { return s.event(R"({"object":"something","x":{}})"); });
  s.events("other choices", [=](size_t i) {
    return s.event(R"({"choices":[{"index":)" + std::to_string(i + 1) + R"(,"delta":{"content":"a"}}]})");
  });
  s.stream("many keys", [=](size_t n) { return s.event(R"({"choices":[],"x":)" + objects(n, "0") + "}"); }, 400);
  s.events("half characters", [=](size_t) { return delta(R"("content":"\ud83d")") + delta(R"("content":"\ude00")"); });
  s.events("broken characters", [=](size_t) { return delta("\"content\":\"\xFF\xC3\""); });
  s.events("refusal", [=](size_t) { return delta(R"("refusal":"no")"); });
  s.stream(
      "data lines", [](size_t n) { return repeat(n, [](size_t) { return string("data:  \n"); }) + "data: {}\n\n"; },
      400);
  s.stream("comments", [](size_t n) { return repeat(n, [](size_t) { return string(": ping\n\n"); }); }, 200);
  if (dialects) return;
  const auto body = [](const string& message) {
    return R"({"choices":[{"index":0,"message":{)" + message +
           R"(},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}})";
  };
  s.unary("text", [=](size_t n) { return body(R"("content":")" + repeat(n, [](size_t) { return kLong; }) + "\""); });
  s.unary("content parts", [=](size_t n) {
    return body("\"content\":[" +
                repeat(
                    n,
                    [](size_t) {
                      return string(
                          R"({"type":"text","text":"a"},{"type":"thinking","thinking":[{"type":"text","text":"b"}]})");
                    },
                    ",") +
                "]");
  });
  s.unary("calls", [=](size_t n) {
    return body(
        "\"tool_calls\":[" +
        repeat(
            n, [](size_t i) { return R"({"id":"c)" + number(i) + R"(","function":{"name":"t","arguments":"{}"}})"; },
            ",") +
        "]");
  });
  s.unary("annotations", [=](size_t n) {
    return body(
        R"("content":"a","annotations":[)" +
        repeat(
            n, [](size_t i) { return R"({"url_citation":{"url":"https://e.example/)" + number(i) + "\"}}"; }, ",") +
        "]");
  });
  s.unary("many keys", [=](size_t n) { return body(R"("content":"a","x":)" + objects(n, "0")); }, 400);
  s.unary("deep", [=](size_t n) { return body(R"("content":"a","x":)" + nested(n)); }, 16);
}

void responses_api(Shapes s) {
  const auto at = [](size_t i) { return "\"output_index\":" + std::to_string(i) + ","; };
  const auto event = [s](const string& type, const string& members) {
    return s.event(R"({"type":"response.)" + type + "\"," + members + "}");
  };
  const auto added = [=](size_t i, const string& item) {
    return event("output_item.added", at(i) + "\"item\":" + item);
  };
  const auto done = [=](size_t i, const string& item) { return event("output_item.done", at(i) + "\"item\":" + item); };
  const auto call_item = [](size_t i, const string& arguments) {
    return R"({"type":"function_call","call_id":"c)" + number(i) + R"(","name":"t","arguments":")" + arguments + "\"}";
  };
  s.events("text", [=](size_t) { return event("output_text.delta", at(0) + R"("content_index":0,"delta":"hello")"); });
  s.pieces("long text then short", [=](const string& p) {
    return event("output_text.delta", at(0) + R"("content_index":0,"delta":")" + p + "\"");
  });
  s.events("text items",
           [=](size_t i) { return event("output_text.delta", at(i) + R"("content_index":0,"delta":"a")"); });
  s.events("contents of one item", [=](size_t i) {
    return event("output_text.delta", at(0) + "\"content_index\":" + std::to_string(i) + R"(,"delta":"a")");
  });
  s.events("summaries", [=](size_t i) {
    return event("reasoning_summary_text.delta", at(0) + "\"summary_index\":" + std::to_string(i) + R"(,"delta":"a")");
  });
  s.events("calls", [=](size_t i) {
    return added(i, call_item(i, "")) + event("function_call_arguments.delta", at(i) + R"("delta":"{}")") +
           done(i, call_item(i, "{}"));
  });
  s.stream("open calls written in turn", [=](size_t n) {
    return repeat(n, [&](size_t i) { return added(i, call_item(i, "")); }) +
           repeat(n, [&](size_t i) { return event("function_call_arguments.delta", at(i) + R"("delta":"{}")"); });
  });
  s.events("items begun again", [=](size_t i) { return added(0, call_item(i, "")); });
  s.events("items without index", [=](size_t i) { return event("output_item.added", "\"item\":" + call_item(i, "")); });
  s.pieces("long arguments then short",
           [=](const string& p) { return event("function_call_arguments.delta", at(0) + R"("delta":")" + p + "\""); });
  s.events("annotations", [=](size_t i) {
    return event("output_text.annotation.added",
                 at(0) + R"("content_index":0,"annotation":{"type":"url_citation","url":"https://e.example/)" +
                     number(i) + "\"}");
  });
  s.events("messages", [=](size_t i) {
    return done(
        i,
        R"({"type":"message","content":[{"type":"output_text","text":"a","annotations":[],"logprobs":[{"token":"a","logprob":-1}]}]})");
  });
  s.events("reasoning items", [=](size_t i) {
    return done(
        i, R"({"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":"a"}],"encrypted_content":"e"})");
  });
  s.events("provider's tools", [=](size_t i) {
    return done(
        i, R"({"type":"web_search_call","id":"w)" + number(i) + R"(","status":"completed","action":{"query":"q"}})");
  });
  s.events("provider's tools of one id", [=](size_t i) {
    return done(i, R"({"type":"mcp_call","id":"m","name":"t","arguments":"{}","output":"o"})");
  });
  s.events("images", [=](size_t i) {
    return done(i, R"({"type":"image_generation_call","id":"i","result":"AAAA","output_format":"png"})");
  });
  s.events("unknown items", [=](size_t i) { return done(i, R"({"type":"something_new","x":)" + kRich + "}"); });
  s.events("unknown", [=](size_t) { return event("something.new", R"("x":{})"); });
  s.stream("parts of a message with more", [=](size_t n) {
    return done(0, R"({"type":"message","more":")" + string(64 * n, 'm') + R"(","content":[)" +
                       repeat(n, [](size_t) { return string(R"({"type":"output_text","text":"a"})"); }, ",") + "]}");
  });
  s.stream("parallel calls of a long id", [=](size_t n) {
    const string uses =
        repeat(n, [](size_t) { return string(R"({"recipient_name":"functions.t","parameters":{}})"); }, ",");
    return done(0, R"({"type":"function_call","call_id":")" + string(64 * n, 'i') +
                       R"(","name":"multi_tool_use.parallel","arguments":")" +
                       escaped("{\"tool_uses\":[" + uses + "]}") + "\"}");
  });
  s.stream("white space, then ends of an empty text", [=](size_t n) {
    const string blank =
        event("output_text.delta", at(0) + R"("content_index":0,"delta":")" + string(1024 * n, ' ') + "\"");
    return blank +
           repeat(n, [&](size_t) { return event("output_text.done", at(0) + R"("content_index":1,"text":"")"); });
  });
  s.stream("results of a tool with a long name", [=](size_t n) {
    const string call =
        R"({"type":"mcp_call","id":"k","call_id":"k","name":")" + string(1024 * n, 'n') + R"(","arguments":"{}"})";
    const auto result = [](size_t) { return string(R"({"type":"shell_call_output","call_id":"k","output":"x"})"); };
    return event("completed",
                 R"("response":{"status":"completed","output":[)" + call + "," + repeat(n, result, ",") + "]}");
  });
  s.stream("an end with all items", [=](size_t n) {
    return event("completed", R"("response":{"status":"completed","output":[)" +
                                  repeat(n, [&](size_t i) { return call_item(i, "{}"); }, ",") + "]}");
  });
  s.stream(
      "many keys", [=](size_t n) { return done(0, R"({"type":"something_new","x":)" + objects(n, "0") + "}"); }, 400);
  s.unary("items", [=](size_t n) {
    return R"({"status":"completed","output":[)" +
           repeat(
               n,
               [&](size_t i) {
                 return call_item(i, "{}") + R"(,{"type":"message","content":[{"type":"output_text","text":"a"}]})";
               },
               ",") +
           "]}";
  });
  s.unary("text", [=](size_t n) {
    return R"({"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":")" +
           repeat(n, [](size_t) { return kLong; }) + "\"}]}]}";
  });
}

void anthropic(Shapes s) {
  const auto event = [s](const string& type, size_t index, const string& members) {
    return s.event(R"({"type":"content_block_)" + type + R"(","index":)" + std::to_string(index) +
                   (members.empty() ? "" : ",") + members + "}");
  };
  const auto start = [=](size_t i, const string& block) { return event("start", i, "\"content_block\":" + block); };
  const auto delta = [=](size_t i, const string& type, const string& member) {
    return event("delta", i, R"("delta":{"type":")" + type + "\"," + member + "}");
  };
  const auto stop = [=](size_t i) { return event("stop", i, ""); };
  const string text = R"({"type":"text","text":""})";
  const auto use = [](const string& type, const string& id) {
    return R"({"type":")" + type + R"(","id":")" + id + R"(","name":"t","input":{}})";
  };
  const auto result = [](const string& id) {
    return R"({"type":"web_search_tool_result","tool_use_id":")" + id + R"(","content":[]})";
  };
  s.events("text", [=](size_t) { return delta(0, "text_delta", R"("text":"hello")"); });
  s.pieces("long text then short", [=](const string& p) { return delta(0, "text_delta", R"("text":")" + p + "\""); });
  s.events("text blocks", [=](size_t i) { return start(i, text) + delta(i, "text_delta", R"("text":"a")") + stop(i); });
  s.stream("open blocks written in turn", [=](size_t n) {
    return repeat(n, [&](size_t i) { return start(i, text); }) +
           repeat(n, [&](size_t i) { return delta(i, "text_delta", R"("text":"a")"); });
  });
  s.events("blocks of one index", [=](size_t i) { return start(0, use("tool_use", "c" + number(i))); });
  s.events("calls", [=](size_t i) {
    return start(i, use("tool_use", "c" + number(i))) + delta(i, "input_json_delta", R"("partial_json":"{}")") +
           stop(i);
  });
  s.events("calls of one id", [=](size_t i) { return start(i, use("tool_use", "c")) + stop(i); });
  s.pieces("long arguments then short", [=](const string& p) {
    return start(0, use("tool_use", "c")) + delta(1, "text_delta", R"("text":"a")") +
           delta(0, "input_json_delta", R"("partial_json":")" + p + "\"");
  });
  s.stream("long arguments of one call then short", [=](size_t n) {
    return start(0, use("tool_use", "c")) +
           delta(0, "input_json_delta", R"("partial_json":")" + string(256 * n, 'A') + "\"") +
           repeat(n, [&](size_t) { return delta(0, "input_json_delta", R"("partial_json":"AAAA")"); });
  });
  s.stream("long arguments of the provider's call then short", [=](size_t n) {
    return start(0, use("server_tool_use", "c")) +
           delta(0, "input_json_delta", R"("partial_json":")" + string(256 * n, 'A') + "\"") +
           repeat(n, [&](size_t) { return delta(0, "input_json_delta", R"("partial_json":"AAAA")"); });
  });
  s.stream("open provider's calls, then results", [=](size_t n) {
    return repeat(n, [&](size_t i) { return start(i, use("server_tool_use", "c" + number(i))); }) +
           repeat(n, [&](size_t i) { return start(n + i, result("c" + number(n - 1 - i))) + stop(n + i); });
  });
  s.stream(
      "open provider's calls, then results of none",
      [=](size_t n) {
        return repeat(n, [&](size_t i) { return start(i, use("server_tool_use", "c" + number(i))); }) +
               repeat(n, [&](size_t i) { return start(n + i, result("x" + number(i))) + stop(n + i); });
      },
      256);
  s.events("provider's calls and results", [=](size_t i) {
    return start(2 * i, use("server_tool_use", "c" + number(i))) + stop(2 * i) +
           start(2 * i + 1, result("c" + number(i))) + stop(2 * i + 1);
  });
  s.events("thinking blocks", [=](size_t i) {
    return start(i, R"({"type":"thinking","thinking":""})") + delta(i, "thinking_delta", R"("thinking":"a")") +
           delta(i, "signature_delta", R"("signature":"s")") + stop(i);
  });
  s.stream("a signature in pieces", [=](size_t n) {
    return start(0, R"({"type":"thinking","thinking":"a"})") +
           delta(0, "signature_delta", R"("signature":")" + string(256 * n, 'A') + "\"") +
           repeat(n, [&](size_t) { return delta(0, "signature_delta", R"("signature":"AAAA")"); });
  });
  s.stream("citations of one block", [=](size_t n) {
    return start(0, text) + repeat(n, [&](size_t i) {
             return delta(
                 0, "citations_delta",
                 R"("citation":{"type":"web_search_result_location","url":"https://e.example/)" + number(i) + "\"}");
           });
  });
  s.stream("compaction", [=](size_t n) {
    return start(0, R"({"type":"compaction","content":""})") +
           repeat(n, [&](size_t i) { return delta(0, "compaction_delta", "\"k" + number(i) + "\":\"v\""); });
  });
  s.stream(
      "an opaque block of many keys",
      [=](size_t n) {
        return start(0, R"({"type":"new","x":)" + objects(n, "0") + "," +
                            repeat(n, [](size_t i) { return "\"m" + number(i) + "\":0"; }, ",") + "}");
      },
      300);
  s.events("usage",
           [=](size_t) { return s.event(R"({"type":"message_delta","delta":{},"usage":{"output_tokens":1}})"); });
  s.events("pings", [=](size_t) { return s.event(R"({"type":"ping"})"); });
  s.events("unknown", [=](size_t) { return s.event(R"({"type":"something_new","x":{}})"); });
  const auto body = [](const string& content) {
    return R"({"type":"message","role":"assistant","content":[)" + content +
           R"(],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}})";
  };
  s.unary("blocks", [=](size_t n) {
    return body(
        repeat(n, [&](size_t i) { return R"({"type":"text","text":"a"},)" + use("tool_use", "c" + number(i)); }, ","));
  });
  s.unary("provider's calls and results", [=](size_t n) {
    return body(repeat(
        n, [&](size_t i) { return use("server_tool_use", "c" + number(i)) + "," + result("c" + number(i)); }, ","));
  });
  s.unary("text", [=](size_t n) {
    return body(R"({"type":"text","text":")" + repeat(n, [](size_t) { return kLong; }) + "\"}");
  });
  s.unary(
      "a call of many keys",
      [=](size_t n) { return body(R"({"type":"tool_use","id":"c","name":"t","input":)" + objects(n, "0") + "}"); },
      400);
}

void bedrock_converse(Shapes s) {
  const auto delta = [](size_t i, const string& json) {
    return converse("contentBlockDelta", "{\"contentBlockIndex\":" + std::to_string(i) + ",\"delta\":" + json + "}");
  };
  const auto start = [](size_t i, const string& json) {
    return converse("contentBlockStart", "{\"contentBlockIndex\":" + std::to_string(i) + ",\"start\":" + json + "}");
  };
  const auto stop = [](size_t i) {
    return converse("contentBlockStop", "{\"contentBlockIndex\":" + std::to_string(i) + "}");
  };
  const auto use = [](const string& id, const string& more) {
    return R"({"toolUse":{"toolUseId":")" + id + R"(","name":"t")" + more + "}}";
  };
  const string server = R"(,"type":"server_tool_use")";
  s.events("text", [=](size_t) { return delta(0, R"({"text":"hello"})"); });
  s.pieces("long text then short", [=](const string& p) { return delta(0, R"({"text":")" + p + "\"}"); });
  s.events("text blocks", [=](size_t i) { return delta(i, R"({"text":"a"})") + stop(i); });
  s.stream("open blocks written in turn", [=](size_t n) {
    return repeat(n, [&](size_t i) { return delta(i, R"({"text":"a"})"); }) +
           repeat(n, [&](size_t i) { return delta(i, R"({"text":"a"})"); });
  });
  s.events("kinds in turn",
           [=](size_t) { return delta(0, R"({"text":"a"})") + delta(0, R"({"reasoningContent":{"text":"b"}})"); });
  s.events("calls", [=](size_t i) {
    return start(i, use("c" + number(i), "")) + delta(i, R"({"toolUse":{"input":"{}"}})") + stop(i);
  });
  s.pieces("long arguments then short",
           [=](const string& p) { return delta(0, R"({"toolUse":{"input":")" + p + "\"}}"); });
  s.pieces("redacted in pieces",
           [=](const string& p) { return delta(0, R"({"reasoningContent":{"redactedContent":")" + p + "\"}}"); });
  s.pieces("redacted in odd pieces", [=](const string& p) {
    return delta(0, R"({"reasoningContent":{"redactedContent":")" + p.substr(2) + "==\"}}");
  });
  s.pieces("a signature in pieces",
           [=](const string& p) { return delta(0, R"({"reasoningContent":{"signature":")" + p + "\"}}"); });
  s.pieces("an image in pieces",
           [=](const string& p) { return delta(0, R"({"image":{"source":{"bytes":")" + p + "\"}}}"); });
  s.pieces("a result in pieces",
           [=](const string& p) { return delta(0, R"({"toolResult":[{"text":")" + p + "\"}]}"); });
  s.events("provider's calls and results", [=](size_t i) {
    return start(2 * i, use("c" + number(i), server)) + stop(2 * i) +
           start(2 * i + 1, R"({"toolResult":{"toolUseId":"c)" + number(i) + "\"}}") +
           delta(2 * i + 1, R"({"toolResult":[{"text":"a"}]})") + stop(2 * i + 1);
  });
  s.events("citations", [=](size_t i) {
    return delta(0, R"({"citation":{"title":"t","location":{"web":{"url":"https://e.example/)" + number(i) + "\"}}}}");
  });
  s.events("metadata", [=](size_t) { return converse("metadata", R"({"usage":{"inputTokens":1,"outputTokens":1}})"); });
  s.events("unknown", [=](size_t) { return converse("somethingNew", "{}"); });
  s.stream("many keys", [=](size_t n) { return delta(0, R"({"new":)" + objects(n, "0") + "}"); }, 400);
  s.stream(
      "many headers",
      [](size_t n) {
        testing::EventHeaders headers{{":message-type", "event"}, {":event-type", "new"}};
        for (size_t i = 0; i < n; ++i) headers.emplace_back("h" + number(i), "v");
        return testing::event_message(headers, "{}");
      },
      200);
  const auto body = [](const string& content) {
    return R"({"output":{"message":{"content":[)" + content +
           R"(]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1}})";
  };
  s.unary("blocks", [=](size_t n) {
    return body(repeat(
        n,
        [&](size_t i) {
          return R"({"text":"a"},)" + use("c" + number(i), R"(,"input":{})") +
                 R"(,{"reasoningContent":{"reasoningText":{"text":"b","signature":"s"}}})";
        },
        ","));
  });
  s.unary("citations", [=](size_t n) {
    return body(R"({"citationsContent":{"content":[{"text":"a"}],"citations":[)" +
                repeat(
                    n,
                    [](size_t i) {
                      return R"({"title":"t","source":"https://e.example/)" + number(i) +
                             R"(","sourceContent":[{"text":"q"}]})";
                    },
                    ",") +
                "]}}");
  });
  s.unary("quotes of a citation", [=](size_t n) {
    return body(R"({"citationsContent":{"content":[{"text":"a"}],"citations":[{"title":"t","sourceContent":[)" +
                repeat(n, [](size_t) { return string(R"({"text":"q"})"); }, ",") + "]}]}}");
  });
}

void gemini(Shapes s) {
  const auto part = [s](const string& json) {
    return s.event(R"({"candidates":[{"content":{"parts":[)" + json + "]}}]}");
  };
  const auto candidate = [s](const string& member) { return s.event(R"({"candidates":[{)" + member + "}]}"); };
  const auto partial = [=](const string& args, const string& name) {
    return part(R"({"functionCall":{)" + name + R"("partialArgs":[)" + args + R"(],"willContinue":true}})");
  };
  s.events("text", [=](size_t) { return part(R"({"text":"hello"})"); });
  s.pieces("long text then short", [=](const string& p) { return part(R"({"text":")" + p + "\"}"); });
  s.events("thoughts and text in turn",
           [=](size_t) { return part(R"({"text":"a","thought":true})") + part(R"({"text":"b"})"); });
  s.events("signed parts", [=](size_t) { return part(R"({"text":"a","thoughtSignature":"c2ln"})"); });
  s.events("calls", [=](size_t i) {
    return part(R"({"functionCall":{"id":"c)" + number(i) + R"(","name":"t","args":{"a":1}}})");
  });
  s.events("calls without id", [=](size_t) { return part(R"({"functionCall":{"name":"t","args":{}}})"); });
  s.stream("partial arguments", [=](size_t n) {
    return partial("", R"("name":"t",)") + repeat(n, [&](size_t i) {
             return partial(R"({"jsonPath":"$.k)" + number(i) + R"(","numberValue":1})", "");
           });
  });
  s.stream("partial string", [=](size_t n) {
    return partial("", R"("name":"t",)") +
           partial(R"({"jsonPath":"$.a","stringValue":")" + string(256 * n, 'A') + R"(","willContinue":true})", "") +
           repeat(n, [&](size_t) {
             return partial(R"({"jsonPath":"$.a","stringValue":"AAAA","willContinue":true})", "");
           });
  });
  s.stream("partial array", [=](size_t n) {
    return partial("", R"("name":"t",)") + repeat(n, [&](size_t i) {
             return partial("{\"jsonPath\":\"$.a[" + std::to_string(i) + "]\",\"stringValue\":\"x\"}", "");
           });
  });
  s.stream(
      "deep partial arguments",
      [=](size_t n) {
        return partial("", R"("name":"t",)") +
               partial("{\"jsonPath\":\"$" + repeat(n % 60, [](size_t) { return string(".a"); }) +
                           "\",\"stringValue\":\"x\"}",
                       "");
      },
      12);
  s.events("code and results", [=](size_t) {
    return part(
        R"({"executableCode":{"language":"PYTHON","code":"x"}},{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"y"}})");
  });
  s.events("files", [=](size_t) { return part(R"({"inlineData":{"mimeType":"image/png","data":"AAAA"}})"); });
  s.events("unknown parts", [=](size_t) { return part(R"({"somethingNew":{"x":1}})"); });
  s.stream("parts of one event", [=](size_t n) {
    return part(
        repeat(n, [](size_t) { return string(R"({"text":"a"},{"functionCall":{"name":"t","args":{}}})"); }, ","));
  });
  s.events("grounding", [=](size_t i) {
    return candidate(R"("groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://e.example/)" + number(i) +
                     R"(","title":"t"}}]})");
  });
  s.stream("grounding of many members, then empty ones", [=](size_t n) {
    return candidate(R"("groundingMetadata":)" + objects(8 * n, "1")) +
           repeat(8 * n, [&](size_t) { return candidate(R"("groundingMetadata":{})"); });
  });
  s.stream("grounding in one", [=](size_t n) {
    return candidate(
        R"("groundingMetadata":{"groundingChunks":[)" +
        repeat(n, [](size_t i) { return R"({"web":{"uri":"https://e.example/)" + number(i) + "\"}}"; }, ",") + "]}");
  });
  s.events("citations", [=](size_t i) {
    return candidate(R"("citationMetadata":{"citations":[{"uri":"https://e.example/)" + number(i) + "\"}]}");
  });
  s.events("logprobs", [=](size_t) {
    return candidate(
        R"("content":{"parts":[{"text":"a"}]},"logprobsResult":{"chosenCandidates":[{"token":"a","logProbability":-1}],"topCandidates":[{"candidates":[{"token":"b","logProbability":-2}]}]})");
  });
  s.events("usage",
           [=](size_t) { return s.event(R"({"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1}})"); });
  s.events("feedback", [=](size_t) { return s.event(R"({"promptFeedback":{}})"); });
  s.stream(
      "many keys", [=](size_t n) { return part(R"({"functionCall":{"name":"t","args":)" + objects(n, "0") + "}}"); },
      400);
  const auto body = [](const string& parts) {
    return R"({"candidates":[{"content":{"parts":[)" + parts + R"(]},"finishReason":"STOP"}]})";
  };
  s.unary("parts", [=](size_t n) {
    return body(
        repeat(n, [](size_t) { return string(R"({"text":"a"},{"functionCall":{"name":"t","args":{}}})"); }, ","));
  });
  s.unary("text", [=](size_t n) { return body(R"({"text":")" + repeat(n, [](size_t) { return kLong; }) + "\"}"); });
  s.unary("an array of responses", [=](size_t n) {
    return "[" +
           repeat(
               n, [](size_t) { return string(R"({"candidates":[{"content":{"parts":[{"text":"a"}]}}]})"); }, ",\n") +
           R"(,{"candidates":[{"finishReason":"STOP"}]}])";
  });
}

void cohere(Shapes s) {
  const auto event = [s](const string& type, size_t index, const string& message) {
    return s.event(R"({"type":")" + type + R"(","index":)" + std::to_string(index) + R"(,"delta":{"message":{)" +
                   message + "}}}");
  };
  const auto text = [=](size_t i, const string& t) {
    return event("content-delta", i, R"("content":{"text":")" + t + "\"}");
  };
  const auto call = [=](size_t i, const string& id, const string& arguments) {
    return event("tool-call-delta", i,
                 R"("tool_calls":{"id":")" + id + R"(","function":{"name":"t","arguments":")" + arguments + "\"}}");
  };
  s.events("text", [=](size_t) { return text(0, "hello"); });
  s.pieces("long text then short", [=](const string& p) { return text(0, p); });
  s.events("blocks", [=](size_t i) { return text(i, "a") + s.event(R"({"type":"content-end"})"); });
  s.events("thinking and text in turn",
           [=](size_t i) { return event("content-delta", i, R"("content":{"thinking":"a"})") + text(i, "b"); });
  s.events("calls", [=](size_t i) { return call(i, "c" + number(i), "{}"); });
  s.pieces("long arguments then short", [=](const string& p) { return call(0, "c", p); });
  s.pieces("a plan in pieces",
           [=](const string& p) { return event("tool-plan-delta", 0, R"("tool_plan":")" + p + "\""); });
  s.pieces("a plan and calls in turn", [=](const string& p) {
    return event("tool-plan-delta", 0, R"("tool_plan":")" + p + "\"") + call(0, "c", " ");
  });
  s.events("citations", [=](size_t i) {
    return event(
        "citation-start", i,
        R"("citations":{"text":"q","sources":[{"id":"s","document":{"url":"https://e.example/)" + number(i) + "\"}}]}");
  });
  s.stream("long citation of many sources", [=](size_t n) {
    return event("citation-start", 0,
                 R"("citations":{"text":")" + string(64 * n, 'q') + R"(","sources":[)" +
                     repeat(n, [](size_t i) { return R"({"id":"s)" + number(i) + "\"}"; }, ",") + "]}");
  });
  s.events("logprobs", [=](size_t) {
    return s.event(
        R"({"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"a"}}},"logprobs":{"text":"a","logprobs":[-1]}})");
  });
  s.events("unknown", [=](size_t) { return s.event(R"({"type":"something-new"})"); });
  s.unary("parts", [=](size_t n) {
    return R"({"message":{"tool_plan":"p","content":[)" +
           repeat(
               n, [](size_t) { return string(R"({"type":"text","text":"a"},{"type":"thinking","thinking":"b"})"); },
               ",") +
           R"(],"tool_calls":[)" +
           repeat(
               n, [](size_t i) { return R"({"id":"c)" + number(i) + R"(","function":{"name":"t","arguments":"{}"}})"; },
               ",") +
           R"(]},"finish_reason":"COMPLETE"})";
  });
}

void ollama(Shapes s, bool chat) {
  const auto event = [s, chat](const string& member) {
    return s.event(chat ? R"({"message":{)" + member + R"(},"done":false})" : "{" + member + R"(,"done":false})");
  };
  const string text = chat ? "content" : "response";
  s.events("text", [=](size_t) { return event("\"" + text + R"(":"hello")"); });
  s.pieces("long text then short", [=](const string& p) { return event("\"" + text + R"(":")" + p + "\""); });
  s.events("thinking and text in turn",
           [=](size_t) { return event(R"("thinking":"a")") + event("\"" + text + R"(":"b")"); });
  s.events("unknown", [=](size_t) { return event(R"("new":{})"); });
  s.events("logprobs", [=](size_t) {
    return s.event(string("{") + (chat ? R"("message":{"content":"a"})" : R"("response":"a")") +
                   R"(,"logprobs":[{"token":"a","logprob":-1}],"done":false})");
  });
  s.stream(
      "a body over many lines",
      [](size_t n) { return "{\n" + repeat(n, [](size_t i) { return "\"k" + number(i) + "\": 0,\n"; }); }, 200);
  if (!chat) return;
  s.events("calls", [=](size_t i) {
    return event(R"("tool_calls":[{"id":"c)" + number(i) + R"(","function":{"name":"t","arguments":{"a":1}}}])");
  });
  s.stream("calls of one event", [=](size_t n) {
    return event("\"tool_calls\":[" +
                 repeat(n, [](size_t) { return string(R"({"function":{"name":"t","arguments":{}}})"); }, ",") + "]");
  });
  s.stream(
      "many keys",
      [=](size_t n) {
        return event(R"("tool_calls":[{"function":{"name":"t","arguments":)" + objects(n, "0") + "}}]");
      },
      400);
}

void completions(Shapes s) {
  s.events("text", [=](size_t) { return s.event(R"({"choices":[{"index":0,"text":"hello"}]})"); });
  s.pieces("long text then short",
           [=](const string& p) { return s.event(R"({"choices":[{"index":0,"text":")" + p + "\"}]}"); });
  s.stream("logprobs", [=](size_t n) {
    return s.event(R"({"choices":[{"index":0,"text":"a","logprobs":{"tokens":[)" +
                   repeat(
                       n, [](size_t) { return string("\"a\""); }, ",") +
                   "],\"token_logprobs\":[" +
                   repeat(
                       n, [](size_t) { return string("-1"); }, ",") +
                   "],\"top_logprobs\":[" + repeat(n, [](size_t) { return string(R"({"b":-2})"); }, ",") + "]}}]}");
  });
  s.events("usage",
           [=](size_t) { return s.event(R"({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}})"); });
  s.unary("text", [=](size_t n) {
    return R"({"choices":[{"index":0,"text":")" + repeat(n, [](size_t) { return kLong; }) +
           R"(","finish_reason":"stop"}]})";
  });
}

const string kOpenAiEnd =
    sse(R"({"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]})") + "data: [DONE]\n\n";

}  // namespace

void add_response_shapes(std::vector<Shape>& shapes) {
  const Wire openai{"openai-chat", sse, "", kOpenAiEnd};
  openai_chat({shapes, openai}, false);
  for (const auto& [name, dialect, more] : {std::tuple("ui ", Dialect::v1, R"(,"stream":{"dialect":"ui"})"),
                                            std::tuple("leanspec ", Dialect::leanspec, "")}) {
    Shapes told(shapes, openai);
    told.in_dialect(name, dialect, more);
    openai_chat(told, true);
  }
  openai_chat({shapes, {"azure-openai", sse, "", kOpenAiEnd}}, true);
  responses_api({shapes,
                 {"openai-responses", sse, "",
                  sse(R"({"type":"response.completed","response":{"status":"completed","output":[]}})")}});
  completions({shapes,
               {"openai-completions", sse, "",
                sse(R"({"choices":[{"index":0,"text":"","finish_reason":"stop"}]})") + "data: [DONE]\n\n"}});
  const string begin = R"({"type":"message_start","message":{"id":"m","usage":{"input_tokens":1}}})",
               end = R"({"type":"message_delta","delta":{"stop_reason":"end_turn"}})",
               stop = R"({"type":"message_stop"})";
  anthropic({shapes, {"anthropic-messages", sse, sse(begin), sse(end) + sse(stop)}});
  anthropic(
      {shapes,
       {"bedrock-invoke", invoke, invoke(begin), invoke(end) + invoke(stop), "application/vnd.amazon.eventstream"}});
  bedrock_converse(
      {shapes,
       {"bedrock-converse", [](const string& json) { return converse("new", json); }, converse("messageStart", "{}"),
        converse("messageStop", R"({"stopReason":"end_turn"})") +
            converse("metadata", R"({"usage":{"inputTokens":1,"outputTokens":1}})"),
        "application/vnd.amazon.eventstream"}});
  for (const char* api : {"gemini-generate", "vertex"})
    gemini({shapes, {api, sse, "", sse(R"({"candidates":[{"finishReason":"STOP"}]})")}});
  cohere({shapes, {"cohere-chat", sse, "", sse(R"({"type":"message-end","delta":{"finish_reason":"COMPLETE"}})")}});
  ollama({shapes,
          {"ollama-chat", line, "", line(R"({"message":{"content":""},"done":true,"done_reason":"stop"})"),
           "application/x-ndjson"}},
         true);
  ollama({shapes,
          {"ollama-generate", line, "", line(R"({"response":"","done":true,"done_reason":"stop"})"),
           "application/x-ndjson"}},
         false);
}

}  // namespace aiw::growth
