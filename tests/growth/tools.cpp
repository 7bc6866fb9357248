// Shapes of tool input and output: HTTP tools, MCP servers, and the schema of arguments.
#include <memory>
#include <utility>

#include "tests/growth/shapes.hpp"
#include "worker/leanspec/markdown_edit.hpp"

namespace aiw::growth {
namespace {

using std::size_t;
using std::string;
using Make = std::function<string(size_t n)>;

string sse(const string& json) { return "data: " + json + "\n\n"; }
string quoted(const string& json) {
  string out = "\"";
  for (const char c : json) out += (c == '"' || c == '\\') ? string("\\") + c : string(1, c);
  return out + "\"";
}
string object(size_t n, const std::function<string(size_t)>& value) {
  return "{" + repeat(n, [&](size_t i) { return "\"k" + number(i) + "\":" + value(i); }, ",") + "}";
}
string zeros(size_t n) {
  return object(n, [](size_t) { return string("0"); });
}
string strings(size_t n) {
  return object(n, [](size_t) { return string("\"abc\""); });
}
string list(size_t n, const std::function<string(size_t)>& make) { return "[" + repeat(n, make, ",") + "]"; }

Response calls(size_t n, const string& name, const string& arguments) {
  return {"text/event-stream",
          repeat(n,
                 [&](size_t i) {
                   return sse(R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":)" + std::to_string(i) +
                              R"(,"id":"c)" + number(i) + R"(","function":{"name":")" + name + R"(","arguments":)" +
                              quoted(arguments) + "}}]}}]}");
                 }) +
              sse(R"({"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]})") + "data: [DONE]\n\n"};
}
const Response kDone{
    "text/event-stream",
    sse(R"({"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]})") + "data: [DONE]\n\n"};

// Returns a chat whose model calls the tool t once.
Scene one_call(const string& tool, const string& arguments, const Response& answer = {"application/json", "{}"}) {
  return {.lines = {chat_line("openai-chat", R"(,"tools":[{"name":"t",)" + tool + "}]")},
          .provider = {calls(1, "t", arguments), kDone},
          .tool = answer};
}
Scene http(const string& members, const string& arguments, const Response& answer = {"application/json", "{}"}) {
  return one_call(R"("executor":"http","http":{)" + members + "}", arguments, answer);
}
string url(const string& rest) { return R"("url":"https://tool.example/)" + rest + "\""; }
string places(size_t n, const string& separator) {
  return repeat(n, [](size_t i) { return "{k" + number(i) + "}"; }, separator);
}

void http_tools(std::vector<Shape>& shapes) {
  const auto add = [&](const string& name, size_t n, std::function<Scene(size_t)> scene) {
    shapes.push_back({"http tool/" + name, n, std::move(scene)});
  };
  add("places in the path", 64, [](size_t n) { return http(url(places(n, "/")), strings(n)); });
  add("places in one segment", 64, [](size_t n) { return http(url(places(n, "")), strings(n)); });
  add("places in the URL's query", 64, [](size_t n) { return http(url("?" + places(n, "&")), strings(n)); });
  add("one place again and again", 64,
      [](size_t n) { return http(url(repeat(n, [](size_t) { return string("{a}"); }, "/")), R"({"a":"b"})"); });
  add("places of one pointer", 64, [](size_t n) {
    return http(url(repeat(n, [](size_t i) { return "{/a/k" + number(i) + "}"; }, "/")), "{\"a\":" + strings(n) + "}");
  });
  add("places of one array", 64, [](size_t n) {
    return http(url(repeat(
                    n, [](size_t i) { return "{/a/" + std::to_string(i) + "}"; }, "/")),
                "{\"a\":" + list(n, [](size_t) { return string("\"x\""); }) + "}");
  });
  add("dots", 64, [](size_t n) {
    return http(url(repeat(n, [](size_t i) { return ".{k" + number(i) + "}"; })),
                object(n, [](size_t) { return string("\".\""); }));
  });
  add("query parameters", 64, [](size_t n) {
    return http(url("") + R"(,"query":)" + object(n, [](size_t i) { return "\"{k" + number(i) + "}\""; }), strings(n));
  });
  add("a repeated parameter", 64, [](size_t n) {
    return http(url("") + R"(,"query":{"l":{"$arg":"l","repeated":true}})",
                "{\"l\":" + list(n, [](size_t) { return string("\"x\""); }) + "}");
  });
  add("a repeated parameter of many keys", 200, [](size_t n) {
    return http(url("") + R"(,"query":{"l":{"$arg":"l","repeated":true}})", "{\"l\":[" + zeros(n) + "]}");
  });
  add("a long value", 64, [](size_t n) { return http(url("{a}?b={a}"), "{\"a\":\"" + string(64 * n, '/') + "\"}"); });
  add("headers", 20, [](size_t n) {
    return http(url("") + R"(,"headers":)" + object(n, [](size_t i) { return "\"{k" + number(i) + "}\""; }),
                strings(n));
  });
  add("places in a header", 64,
      [](size_t n) { return http(url("") + R"(,"headers":{"x":")" + places(n, "") + "\"}", strings(n)); });
  add("body", 200, [](size_t n) {
    return http(url("") + R"(,"body":)" + object(n, [](size_t i) { return R"({"$arg":"k)" + number(i) + "\"}"; }),
                strings(n));
  });
  add("a list as body", 200, [](size_t n) {
    return http(url("") + R"(,"body":)" + list(n, [](size_t i) { return R"({"$arg":"k)" + number(i) + "\"}"; }),
                strings(n));
  });
  add("a deep body", 16, [](size_t n) {
    return http(url("") + R"(,"body":)" + repeat(n, [](size_t) { return string(R"({"a":)"); }) + R"({"$arg":"a"})" +
                    string(n, '}'),
                "{\"a\":\"" + string(4096, 'x') + "\"}");
  });
  add("a default body", 200,
      [](size_t n) { return http(R"("method":"POST",)" + url(places(n, "/")), strings(2 * n)); });
  add("an answer", 64, [](size_t n) { return http(url(""), "{}", {"text/plain", string(64 * n, 'a')}); });
  add("a JSON answer", 200, [](size_t n) { return http(url(""), "{}", {"application/json", zeros(n)}); });
  add("a part of a JSON answer", 200, [](size_t n) {
    return http(url("") + R"(,"response":{"pointer":"/a"})", "{}",
                {"application/json", "{\"b\":" + zeros(n) + ",\"a\":1}"});
  });
  add("a deep pointer", 16, [](size_t n) {
    return http(url("") + R"(,"response":{"pointer":")" + repeat(n, [](size_t) { return string("/a"); }) + "\"}", "{}",
                {"application/json", repeat(n, [](size_t) { return string(R"({"a":)"); }) + "1" + string(n, '}')});
  });
  add("a deep pointer into a long answer", 20, [](size_t n) {
    return http(url("") + R"(,"response":{"pointer":")" + repeat(n, [](size_t) { return string("/a"); }) + "\"}", "{}",
                {"application/json", repeat(n, [](size_t) { return string(R"({"a":)"); }) +
                                         list(100 * n, [](size_t) { return string("0"); }) + string(n, '}')});
  });
  add("an answer in small pieces", 200,
      [](size_t n) { return http(url(""), "{}", {"text/plain", string(n, 'a'), 1}); });
  add("an answer with keys", 64, [](size_t n) {
    return http(url("") + R"(,"headers":{"authorization":"Bearer the-key-0123456789"})", "{}",
                {"text/plain", repeat(n, [](size_t) { return string("the-key-0123456789 "); })});
  });
  add("a refusal", 64,
      [](size_t n) { return http(url(""), "{}", {"text/plain", string(64 * n, 'a'), 16 << 10, 500}); });
  add("calls", 64, [](size_t n) {
    return Scene{
        .lines = {chat_line("openai-chat", R"(,"tools":[{"name":"t","executor":"http","http":{)" + url("") + "}}]")},
        .provider = {calls(n, "t", "{}"), kDone}};
  });
  add("tools", 64, [](size_t n) {
    return Scene{.lines = {chat_line("openai-chat", ",\"tools\":" + list(n,
                                                                         [](size_t i) {
                                                                           return R"({"name":"t)" + number(i) +
                                                                                  R"(","executor":"http","http":{)" +
                                                                                  url("{a}") + "}}";
                                                                         }))},
                 .provider = {calls(1, "t" + number(n - 1), R"({"a":"b"})"), kDone}};
  });
}

// Adds shapes of a provider's arguments that are validated against a parent's schema.
void arguments(std::vector<Shape>& shapes) {
  const auto add = [&](const string& name, size_t n, const Make& schema, const Make& arguments) {
    shapes.push_back({"arguments/" + name, n, [=](size_t i) {
                        return one_call(R"("executor":"http","http":{)" + url("") + R"(},"inputSchema":)" + schema(i),
                                        arguments(i));
                      }});
  };
  const Make any = [](size_t) { return string(R"({"type":"object"})"); };
  add("keys", 300, any, zeros);
  add("keys in reverse", 300, any, [](size_t n) {
    return "{" + repeat(n, [n](size_t i) { return "\"k" + number(n - 1 - i) + "\":0"; }, ",") + "}";
  });
  add("depth", 24, any, [](size_t n) { return "{\"a\":" + string(n, '[') + string(n, ']') + "}"; });
  add("no JSON", 300, any, [](size_t n) { return "{\"a\":" + string(n, '['); });
  add(
      "properties", 200,
      [](size_t n) {
        return R"({"type":"object","properties":)" + object(n, [](size_t) { return string(R"({"type":"integer"})"); }) +
               "}";
      },
      zeros);
  add(
      "required", 200,
      [](size_t n) {
        return R"({"type":"object","required":)" + list(n, [](size_t i) { return "\"k" + number(i) + "\""; }) + "}";
      },
      zeros);
  shapes.push_back({"arguments/nulls of a strict tool", 200, [](size_t n) {
                      const auto property = [](size_t i) { return "\"k" + number(i) + R"(":{"type":"integer"})"; };
                      const auto value = [](size_t i) {
                        return "\"k" + number(i) + "\":" + (i % 2 == 0 ? "0" : "null");
                      };
                      return one_call(R"("executor":"http","http":{)" + url("") +
                                          R"(},"strict":true,"inputSchema":{"type":"object","properties":{)" +
                                          repeat(n, property, ",") + R"(},"required":)" +
                                          list(n / 2, [](size_t i) { return "\"k" + number(2 * i) + "\""; }) + "}",
                                      "{" + repeat(n, value, ",") + "}");
                    }});
  shapes.push_back(
      {"arguments/nulls below a long key", 200, [](size_t n) {
         return one_call(
             R"("executor":"http","http":{)" + url("") +
                 R"(},"strict":true,"inputSchema":{"type":"object","additionalProperties":{"type":"array",)" +
                 R"("items":{"type":"object","properties":{"x":{"type":"integer"}}}}})",
             "{\"" + string(16 * n, 'k') + "\":[{\"x\":null}," +
                 list(n, [](size_t) { return string("{}"); }).substr(1) + "}");
       }});
  add(
      "additional", 200,
      [](size_t) { return string(R"({"type":"object","additionalProperties":{"type":"integer"}})"); }, zeros);
  add("names", 200, [](size_t) { return string(R"({"type":"object","propertyNames":{"maxLength":9}})"); }, zeros);
  add(
      "distinct", 200, [](size_t) { return string(R"({"type":"object","properties":{"a":{"uniqueItems":true}}})"); },
      [](size_t n) { return "{\"a\":" + list(n, [](size_t i) { return std::to_string(i); }) + "}"; });
  add(
      "enum", 200,
      [](size_t n) {
        return R"({"type":"object","properties":{"a":{"enum":)" + list(n, [](size_t i) { return std::to_string(i); }) +
               "}}}";
      },
      [](size_t) { return string(R"({"a":0})"); });
  add(
      "references", 200,
      [](size_t n) {
        return R"({"type":"object","$defs":{"a":{"type":"integer"}},"properties":)" +
               object(n, [](size_t) { return string(R"({"$ref":"#/$defs/a"})"); }) + "}";
      },
      zeros);
  add(
      "anyOf", 200,
      [](size_t n) {
        return R"({"type":"object","properties":{"a":{"anyOf":)" +
               list(n, [](size_t) { return string(R"({"type":"string"})"); }) + "}}}";
      },
      [](size_t) { return string(R"({"a":"x"})"); });

  shapes.push_back(
      {"arguments/calls for the parent", 64, [](size_t n) {
         Scene scene{.lines = {chat_line("openai-chat", R"(,"tools":[{"name":"t","inputSchema":{"type":"object"}}])")},
                     .provider = {calls(n, "t", "{}"), kDone}};
         for (size_t i = n; i-- > 0;)
           scene.later.push_back(R"({"id":"r)" + number(i) +
                                 R"(","type":"tool_result","payload":{"chatId":"c","toolCallId":"c)" + number(i) +
                                 R"(","output":"x"}})");
         return scene;
       }});
  shapes.push_back({"arguments/calls to approve", 64, [](size_t n) {
                      Scene scene{
                          .lines = {chat_line(
                              "openai-chat", R"(,"tools":[{"name":"t","approval":"parent","executor":"http","http":{)" +
                                                 url("") + "}}]")},
                          .provider = {calls(n, "t", "{}"), kDone}};
                      for (size_t i = n; i-- > 0;)
                        scene.later.push_back(R"({"id":"r)" + number(i) +
                                              R"(","type":"tool_approval","payload":{"chatId":"c","toolCallId":"c)" +
                                              number(i) + R"(","approved":true}})");
                      return scene;
                    }});
  shapes.push_back({"arguments/calls of no tool", 64, [](size_t n) {
                      return Scene{.lines = {chat_line("openai-chat", R"(,"tools":[{"name":"t"}])")},
                                   .provider = {calls(n, "u", "{}"), kDone}};
                    }});
  shapes.push_back(
      {"arguments/steps", 10, [](size_t n) {
         Scene scene{
             .lines = {chat_line("openai-chat", R"(,"maxSteps":50,"tools":[{"name":"t","executor":"http","http":{)" +
                                                    url("") + "}}]")}};
         for (size_t i = 0; i < n; ++i) scene.provider.push_back(calls(1, "t", "{}"));
         scene.provider.push_back(kDone);
         return scene;
       }});
}

Scene mcp(std::vector<string> lists, const string& result = R"({"content":[]})", const string& noise = "",
          const string& more = "", const string& api = "openai-chat", const string& server = R"("command":"program")") {
  return {.lines = {chat_line(api, R"(,"mcpServers":{"s":{)" + server + "}}" + more)},
          .provider = {calls(1, "s__t", "{}"), kDone},
          .mcp_lists = std::move(lists),
          .mcp_result = result,
          .mcp_noise = noise};
}
const string kTool = R"({"tools":[{"name":"t","inputSchema":{"type":"object"}}]})";

void mcp_servers(std::vector<Shape>& shapes) {
  const auto add = [&](const string& name, size_t n, std::function<Scene(size_t)> scene) {
    shapes.push_back({"mcp/" + name, n, std::move(scene)});
  };
  const auto content = [](size_t n, const string& block) {
    return "{\"content\":" + list(n, [&](size_t) { return block; }) + "}";
  };
  const auto tools = [](size_t n, const std::function<string(size_t)>& name) {
    return "{\"tools\":" +
           list(n,
                [&](size_t i) {
                  return R"({"name":")" + name(i) + R"(","description":"d","inputSchema":{"type":"object"}})";
                }) +
           "}";
  };
  add("tools", 64, [=](size_t n) { return mcp({tools(n, [](size_t i) { return "t" + number(i); })}); });
  add("tools of one name", 64, [=](size_t n) { return mcp({tools(n, [](size_t) { return string("t"); })}); });
  add("tools of long names", 64,
      [=](size_t n) { return mcp({tools(n, [](size_t i) { return string(100, 't') + number(i); })}); });
  add("tools of names that meet when they are cut", 64, [=](size_t n) {
    // Names of 64 bytes in all, in pairs with equal legal forms. A suffix stands in place of the bytes that differ.
    return mcp({tools(2 * n, [](size_t i) {
      const auto letter = [](size_t k) { return static_cast<char>('a' + k % 26); };
      return string(58, 't') + (i % 2 == 0 ? "." : "_") + letter(i / 52) + letter(i / 2);
    })});
  });
  add("tools that are wanted", 64, [=](size_t n) {
    return mcp({tools(n, [](size_t i) { return "t" + number(i); })}, R"({"content":[]})", "", "", "openai-chat",
               R"("command":"program","tools":)" + list(n, [](size_t i) { return "\"t" + number(i) + "\""; }));
  });
  add("tools that are missing", 64, [=](size_t n) {
    return mcp({tools(n, [](size_t i) { return "t" + number(i); })}, R"({"content":[]})", "", "", "openai-chat",
               R"("command":"program","tools":)" + list(n, [](size_t i) { return "\"x" + number(i) + "\""; }));
  });
  add("pages", 40, [=](size_t n) {
    std::vector<string> pages;
    for (size_t i = 0; i < n; ++i)
      pages.push_back(R"({"tools":[{"name":"t)" + number(i) + "\"}]" +
                      (i + 1 < n ? R"(,"nextCursor":"c)" + number(i) + "\"}" : "}"));
    return mcp(pages);
  });
  for (const char* api :
       {"openai-chat", "anthropic-messages", "gemini-generate", "bedrock-converse", "cohere-chat", "ollama-chat"}) {
    add(string("properties for ") + api, 200, [=](size_t n) {
      return mcp({R"({"tools":[{"name":"t","inputSchema":{"type":"object","properties":)" +
                  object(n, [](size_t) { return string(R"({"type":"string"})"); }) + "}}]}"},
                 R"({"content":[]})", "", "", api);
    });
  }
  add("text blocks", 64, [=](size_t n) { return mcp({kTool}, content(n, R"({"type":"text","text":"a"})")); });
  add("images", 64,
      [=](size_t n) { return mcp({kTool}, content(n, R"({"type":"image","data":"AAAA","mimeType":"image/png"})")); });
  add("resources", 64,
      [=](size_t n) { return mcp({kTool}, content(n, R"({"type":"resource","resource":{"uri":"u","text":"a"}})")); });
  add("an error's blocks", 64, [=](size_t n) {
    return mcp({kTool}, R"({"isError":true,"content":)" +
                            list(n, [](size_t) { return string(R"({"type":"text","text":"a"})"); }) + "}");
  });
  add("a structure", 300,
      [=](size_t n) { return mcp({kTool}, R"({"content":[],"structuredContent":)" + zeros(n) + "}"); });
  add("members twice", 300, [=](size_t n) {
    return mcp({kTool}, R"({"content":[],"structuredContent":{)" + repeat(n, [](size_t i) {
                          return "\"k" + number(i % 7) + "\":{\"a\":0,\"a\":1},";
                        }) + "\"z\":0}}");
  });
  add("members twice in each other", 80, [=](size_t n) {
    return mcp({kTool}, R"({"content":[],"structuredContent":)" +
                            repeat(n, [](size_t) { return string(R"({"a":0,"a":)"); }) + "1" + string(n, '}') + "}");
  });
  add("control characters and numbers out of range", 300, [=](size_t n) {
    return mcp({kTool}, R"({"content":[],"structuredContent":[)" +
                            repeat(n, [](size_t) { return string("\"\t\x01\",NaN,1e999,"); }) + "0]}");
  });
  add("a response that cannot be read", 64,
      [=](size_t n) { return mcp({kTool}, R"({"content":[)" + string(256 * n, '[') + ",]}"); });
  add("a long text", 64, [=](size_t n) {
    return mcp({kTool}, R"({"content":[{"type":"text","text":")" + string(256 * n, 'a') + "\"}]}");
  });
  add("log lines", 64, [=](size_t n) {
    return mcp({kTool}, R"({"content":[]})", repeat(n, [](size_t) {
                 return string(
                     "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
                     "message\",\"params\":{\"level\":\"info\",\"data\":\"x\"}}\n");
               }));
  });
  add("progress", 64, [=](size_t n) {
    return mcp(
        {kTool}, R"({"content":[]})", repeat(n, [](size_t) {
          return string("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progress\":1}}\n");
        }));
  });
  add("changes of the list", 64, [=](size_t n) {
    return mcp({kTool}, R"({"content":[]})", repeat(n, [](size_t) {
                 return string("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n");
               }));
  });
  add("requests", 64, [=](size_t n) {
    return mcp({kTool}, R"({"content":[]})", repeat(n, [](size_t i) {
                 return R"({"jsonrpc":"2.0","id":)" + std::to_string(i) + ",\"method\":\"ping\"}\n";
               }));
  });
  add("answers to nothing", 64, [=](size_t n) {
    return mcp({kTool}, R"({"content":[]})", repeat(n, [](size_t i) {
                 return R"({"jsonrpc":"2.0","id":)" + std::to_string(1000 + i) + ",\"result\":{}}\n";
               }));
  });
  add("no messages", 20,
      [=](size_t n) { return mcp({kTool}, R"({"content":[]})", repeat(n, [](size_t) { return string("hello\n"); })); });
  add("over HTTP", 64, [=](size_t n) {
    return mcp({tools(n, [](size_t i) { return "t" + number(i); })}, content(n, R"({"type":"text","text":"a"})"), "",
               "", "openai-chat", R"("url":"https://mcp.example/mcp")");
  });
}

void specs(std::vector<Shape>& shapes) {
  const auto add = [&](const string& name, size_t n, const Make& text) {
    shapes.push_back({"spec/" + name, n, [=](size_t i) {
                        Scene scene{.lines = {}};
                        auto spec = std::make_shared<string>(text(i));
                        scene.direct_bytes = spec->size();
                        scene.direct = [spec] { static_cast<void>(check_item(*spec, "x", true)); };
                        return scene;
                      }});
  };
  const auto markers = [](size_t n, const string& marker) { return repeat(n, [&](size_t) { return marker; }); };
  add("blank lines", 400, [](size_t n) { return string(n, '\n'); });
  add("blank lines within many items", 24, [=](size_t n) { return markers(n, "- ") + "a\n" + string(100 * n, '\n'); });
  add("white space within many items", 24,
      [=](size_t n) { return markers(n, "- ") + "a\n" + string(100 * n, ' ') + "a"; });
  add("many items before a long line", 24, [=](size_t n) { return markers(n, "- ") + string(100 * n, '-') + "a"; });
  add("quotes in each line", 24, [=](size_t n) { return markers(8, markers(n, "> ") + "a\n"); });
}

}  // namespace

void add_tool_shapes(std::vector<Shape>& shapes) {
  specs(shapes);
  http_tools(shapes);
  arguments(shapes);
  mcp_servers(shapes);
}

}  // namespace aiw::growth
