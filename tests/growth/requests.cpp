// Shapes of requests from a parent.
#include <array>
#include <cstdio>
#include <memory>
#include <utility>

#include "protocol/line_framer.hpp"
#include "tests/growth/shapes.hpp"
#include "worker/secrets/live_secret.hpp"

namespace aiw::growth {
namespace {

using std::size_t;
using std::string;
using Make = std::function<string(size_t n)>;

using Apis = std::vector<const char*>;

// kApis: APIs that have their own request code. kSharing: APIs that share the request code of another one.
const Apis kApis = {"openai-chat",        "openai-responses", "openai-completions",
                    "anthropic-messages", "gemini-generate",  "bedrock-converse",
                    "cohere-chat",        "ollama-chat",      "ollama-generate"};
const Apis kSharing = {"azure-openai", "vertex", "bedrock-invoke"};
const Apis kWithSchemas = {"openai-chat",      "openai-responses", "anthropic-messages", "gemini-generate",
                           "bedrock-converse", "cohere-chat",      "ollama-chat"};

string list(size_t n, const std::function<string(size_t i)>& make) { return "[" + repeat(n, make, ",") + "]"; }
string object(size_t n, const string& value) {
  return "{" + repeat(n, [&](size_t i) { return "\"k" + number(i) + "\":" + value; }, ",") + "}";
}
string says(const string& role, const string& content) {
  return R"({"role":")" + role + R"(","content":)" + content + "}";
}
string text(const string& text) { return R"({"type":"text","text":")" + text + "\"}"; }
string call(const string& id, const string& input = "{}") {
  return R"({"type":"tool-call","toolCallId":")" + id + R"(","toolName":"t","input":)" + input + "}";
}
string result(const string& id, const string& output = R"({"type":"text","value":"x"})") {
  return R"({"type":"tool-result","toolCallId":")" + id + R"(","toolName":"t","output":)" + output + "}";
}
string tool(const string& more) { return R"(,"tools":[{"name":"t")" + more + "}]"; }
string schema(const string& members) { return R"({"type":"object",)" + members + "}"; }
string tool_schema(const string& members) { return tool(",\"inputSchema\":" + schema(members)); }
string strict_schema(const string& members) { return tool(",\"strict\":true,\"inputSchema\":" + schema(members)); }
string format(const string& members) {
  return R"(,"responseFormat":{"type":"json","name":"f","schema":)" + schema(members) + "}";
}

// Stands for a schema of n * n * n strings, which are choices at the top, too.
string multiplied(size_t n) {
  const auto level = [n](const string& of) {
    return "\"properties\":" + object(n, R"({"$ref":"#/$defs/)" + of + "\"}");
  };
  return schema(level("b") + R"(,"$defs":{"b":{)" + level("c") + R"(},"c":{)" + level("d") +
                R"(},"d":{"type":"string"}},"anyOf":)" +
                list(n, [](size_t) { return string(R"({"$ref":"#/$defs/b"})"); }));
}

// Returns a dryRun chat: the request is built, and its body is reported instead of sent.
string dry(const string& api, const string& more, const string& messages = "") {
  return chat_line(api, more + R"(,"dryRun":true)", messages);
}

class Requests {
 public:
  explicit Requests(std::vector<Shape>& shapes) : shapes_(shapes) {}

  void everywhere(const string& name, const Make& more, size_t n = 64, const Apis& apis = kApis) {
    for (const char* api : apis) options(api, name, more, n);
  }
  void options(const string& api, const string& name, const Make& more, size_t n = 64) {
    shapes_.push_back({api + "/request/" + name, n, [=](size_t i) { return Scene{.lines = {dry(api, more(i))}}; }});
  }
  void messages(const string& name, const Make& make, size_t n = 64, const string& more = "",
                const Apis& apis = kApis) {
    for (const char* api : apis) {
      shapes_.push_back(
          {string(api) + "/request/" + name, n, [=](size_t i) { return Scene{.lines = {dry(api, more, make(i))}}; }});
    }
  }
  void line(const string& name, const Make& make, size_t n = 64) {
    shapes_.push_back({"line/" + name, n, [=](size_t i) { return Scene{.lines = {make(i)}}; }});
  }

 private:
  std::vector<Shape>& shapes_;
};

void conversations(Requests r) {
  r.messages(
      "messages",
      [](size_t n) { return list(n, [](size_t) { return says("user", "\"a\"") + "," + says("assistant", "\"b\""); }); },
      64, "", kSharing);
  r.messages("messages", [](size_t n) {
    return list(n, [](size_t) { return says("user", "\"a\"") + "," + says("assistant", "\"b\""); });
  });
  r.messages("messages of one role", [](size_t n) { return list(n, [](size_t) { return says("user", "\"a\""); }); });
  r.messages("system messages", [](size_t n) {
    return list(n, [](size_t) { return says("system", "\"a\""); }).insert(1, says("user", "\"a\"") + ",");
  });
  r.messages("parts", [](size_t n) {
    return "[" + says("user", list(n, [](size_t i) { return text("a" + number(i)); })) + "]";
  });
  r.messages("empty parts", [](size_t n) {
    return "[" + says("user", list(n, [](size_t) { return text(""); })) + "," + says("user", "\"a\"") + "]";
  });
  r.messages("images", [](size_t n) {
    return "[" +
           says("user",
                list(n, [](size_t) { return string(R"({"type":"image","mediaType":"image/png","data":"AAAA"})"); })) +
           "]";
  });
  r.messages(
      "files",
      [](size_t n) {
        return "[" +
               says("user",
                    list(n,
                         [](size_t) {
                           return string(
                               R"({"type":"file","mediaType":"application/pdf","data":"AAAA","filename":"a.pdf"})");
                         })) +
               "]";
      },
      64);
  const auto reply = [](size_t n, const std::function<string(size_t)>& part) {
    return "[" + says("user", "\"a\"") + "," + says("assistant", list(n, part));
  };
  r.messages(
      "calls and results",
      [=](size_t n) {
        return reply(n, [](size_t i) { return call("c" + number(i)); }) + "," +
               says("tool", list(n, [](size_t i) { return result("c" + number(i)); })) + "]";
      },
      64, tool(""));
  r.messages("calls and results in reverse", [=](size_t n) {
    return reply(n, [](size_t i) { return call("c" + number(i)); }) + "," +
           says("tool", list(n, [n](size_t i) { return result("c" + number(n - 1 - i)); })) + "]";
  });
  r.messages("calls of one id and results", [=](size_t n) {
    return reply(n, [](size_t) { return call("c!"); }) + "," +
           says("tool", list(n, [](size_t) { return result("c!"); })) + "]";
  });
  r.messages("calls without results",
             [=](size_t n) { return reply(n, [](size_t i) { return call("c" + number(i)); }) + "]"; });
  r.messages("results without calls", [](size_t n) {
    return "[" + says("user", "\"a\"") + "," + says("tool", list(n, [](size_t i) { return result("c" + number(i)); })) +
           "]";
  });
  r.messages("turns with calls", [](size_t n) {
    return "[" + says("user", "\"a\"") +
           repeat(n,
                  [](size_t i) {
                    return "," + says("assistant", "[" + call("c" + number(i)) + "]") + "," +
                           says("tool", "[" + result("c" + number(i)) + "]");
                  }) +
           "]";
  });
  r.messages("turns with calls of one id", [](size_t n) {
    return "[" + says("user", "\"a\"") +
           repeat(n,
                  [](size_t) {
                    return "," + says("assistant", "[" + call("c") + "]") + "," + says("tool", "[" + result("c") + "]");
                  }) +
           "]";
  });
  r.messages("results far from calls", [](size_t n) {
    return "[" + says("user", "\"a\"") +
           repeat(n, [](size_t i) { return "," + says("assistant", "[" + call("c" + number(i)) + "]"); }) +
           repeat(n, [](size_t i) { return "," + says("tool", "[" + result("c" + number(i)) + "]"); }) + "]";
  });
  r.messages("a result of content", [=](size_t n) {
    return reply(1, [](size_t) { return call("c"); }) + "," +
           says("tool",
                "[" +
                    result("c", "{\"type\":\"content\",\"value\":" + list(n, [](size_t) { return text("a"); }) + "}") +
                    "]") +
           "]";
  });
  r.messages("images of a call with a long id", [=](size_t n) {
    const string id = string(1024 * n, 'i');
    const auto image = [](size_t) { return string(R"({"type":"image","url":"http://a/b"})"); };
    return reply(1, [&](size_t) { return call(id); }) + "," +
           says("tool", "[" + result(id, "{\"type\":\"content\",\"value\":" + list(n, image) + "}") + "]") + "]";
  });
  r.messages(
      "a call of many keys",
      [=](size_t n) { return reply(1, [n](size_t) { return call("c", object(n, "0")); }) + "]"; }, 400);
  r.messages("reasoning of others", [=](size_t n) {
    return reply(n, [](size_t) { return string(R"({"type":"reasoning","text":"x","providerState":"foreign:{}"})"); }) +
           "]";
  });
  for (const char* tag : {"openai-chat:", "openai-responses:", "anthropic:", "gemini:", "bedrock-converse:",
                          "cohere-chat:", "ollama-chat:"}) {
    r.messages(string("state ") + tag, [=](size_t n) {
      return reply(n,
                   [=](size_t) {
                     return R"({"type":"reasoning","text":"x","providerState":")" + string(tag) +
                            R"({\"signature\":\"s\",\"thinking\":true}"})";
                   }) +
             "]";
    });
  }
  r.messages("cache marks", [](size_t n) {
    return "[" + says("user", list(n, [](size_t) { return string(R"({"type":"text","text":"a","cache":true})"); })) +
           "]";
  });
  r.messages("UI messages", [](size_t n) {
    return list(n, [](size_t) {
      return string(
          R"({"id":"u","role":"user","parts":[{"type":"text","text":"a"}]},{"id":"a","role":"assistant","parts":[{"type":"text","text":"b"},{"type":"tool-t","toolCallId":"c","state":"output-available","input":{},"output":{}}]})");
    });
  });
}

void schemas(Requests r) {
  const auto types = [](size_t n, const string& value) { return "\"properties\":" + object(n, value); };
  for (const auto& [name, make] : std::vector<std::pair<string, string (*)(const string&)>>{
           {"schema", tool_schema}, {"strict schema", strict_schema}, {"format", format}}) {
    const auto each = [&r, name, make](const string& what, const Make& members, size_t n = 200) {
      r.everywhere(name + "/" + what, [=](size_t i) { return make(members(i)); }, n, kWithSchemas);
    };
    each("properties", [=](size_t n) { return types(n, R"({"type":"string"})"); });
    each("required", [=](size_t n) {
      return types(n, R"({"type":"string"})") +
             ",\"required\":" + list(n, [](size_t i) { return "\"k" + number(i) + "\""; });
    });
    each(
        "enum",
        [](size_t n) {
          return R"("properties":{"a":{"enum":)" + list(n, [](size_t i) { return "\"v" + number(i) + "\""; }) + "}}";
        },
        400);
    each("unknown words",
         [](size_t n) { return repeat(n, [](size_t i) { return "\"x-" + number(i) + "\":0"; }, ","); });
    each(
        "limits",
        [](size_t n) {
          return "\"properties\":" +
                 object(n, R"({"type":"integer","exclusiveMinimum":1,"multipleOf":2,"format":"x","default":1})");
        },
        64);
    each("property names that are renamed", [](size_t n) {
      return R"("properties":{)" +
             repeat(n, [](size_t i) { return "\"p $" + number(i) + R"(":{"type":"string"})"; }, ",") + "}";
    });
    each("anyOf", [](size_t n) {
      return R"("properties":{"a":{"anyOf":)" + list(n, [](size_t) { return string(R"({"type":"string"})"); }) + "}}";
    });
    each("oneOf", [](size_t n) {
      return R"("properties":{"a":{"oneOf":)" + list(n, [](size_t) { return string(R"({"type":"string"})"); }) + "}}";
    });
    each("allOf", [](size_t n) {
      return R"("properties":{"a":{"allOf":)" +
             list(n,
                  [](size_t i) {
                    return R"({"properties":{"k)" + number(i) + R"(":{"type":"string"}},"required":["k)" + number(i) +
                           "\"]}";
                  }) +
             "}}";
    });
    each("allOf required", [](size_t n) {
      return "\"allOf\":[{\"required\":" + list(n, [](size_t i) { return "\"k" + number(i) + "\""; }) +
             "},{\"required\":" + list(n, [](size_t i) { return "\"m" + number(i) + "\""; }) + "}]";
    });
    each("definitions", [](size_t n) {
      return "\"$defs\":" + object(n, R"({"type":"string"})") + ",\"properties\":{" +
             repeat(
                 n, [](size_t i) { return "\"k" + number(i) + R"(":{"$ref":"#/$defs/k)" + number(i) + "\"}"; }, ",") +
             "}";
    });
    each("references to one", [](size_t n) {
      return R"("$defs":{"a":{"type":"string"}},"properties":)" + object(n, R"({"$ref":"#/$defs/a"})");
    });
    each("references to itself", [](size_t n) { return "\"properties\":" + object(n, R"({"$ref":"#"})"); });
    each("definitions named only", [](size_t n) { return "\"definitions\":" + object(n, R"({"type":"string"})"); });
    each(
        "deep",
        [](size_t n) {
          return R"("properties":{"a":)" +
                 repeat(n, [](size_t) { return string(R"({"type":"object","properties":{"a":)"); }) + "{}" +
                 string(2 * n, '}') + "}";
        },
        12);
    each("a long description", [](size_t n) { return R"("description":")" + string(64 * n, 'd') + "\""; }, 200);
  }
}

void fields(Requests r) {
  r.everywhere("tools", [](size_t n) {
    return ",\"tools\":" + list(n, [](size_t i) {
             return R"({"name":"t)" + number(i) +
                    R"(","description":"d","inputSchema":{"type":"object","properties":{"a":{"type":"string"}}}})";
           });
  });
  r.everywhere(
      "tools with words of their own",
      [](size_t n) {
        return ",\"tools\":" + list(n, [](size_t i) {
                 return R"({"name":"t)" + number(i) +
                        R"(","strict":true,"inputSchema":{"type":"object","properties":{},"x)" + number(i) + R"(":0}})";
               });
      },
      64, kWithSchemas);
  // Each tool alone may multiply its references up to a limit.
  r.everywhere(
      "tools that multiply",
      [](size_t n) {
        return ",\"tools\":" + list(n, [](size_t i) {
                 return R"({"name":"t)" + number(i) + R"(","inputSchema":)" + multiplied(12) + "}";
               });
      },
      64, kWithSchemas);
  r.everywhere(
      "tools",
      [](size_t n) { return ",\"tools\":" + list(n, [](size_t i) { return R"({"name":"t)" + number(i) + "\"}"; }); },
      64, kSharing);
  r.everywhere("strict tools", [](size_t n) {
    return ",\"tools\":" + list(n, [](size_t i) {
             return R"({"name":"t)" + number(i) +
                    R"(","strict":true,"inputSchema":{"type":"object","properties":{"a":{"type":"string"}}}})";
           });
  });
  r.everywhere("provider's tools", [](size_t n) {
    return ",\"tools\":" +
           list(n, [](size_t) { return string(R"({"definition":{"type":"web_search"},"executor":"provider"})"); });
  });
  r.everywhere("stop sequences", [](size_t n) {
    return ",\"stopSequences\":" + list(n, [](size_t i) { return "\"s" + number(i) + "\""; });
  });
  r.everywhere("system", [](size_t n) { return R"(,"system":")" + string(64 * n, 's') + "\""; });
  r.everywhere("metadata", [](size_t n) { return ",\"metadata\":" + object(n, "0"); }, 300);
  r.everywhere("options", [](size_t n) { return ",\"providerOptions\":" + object(n, R"({"a":1})"); }, 200);
  r.everywhere(
      "an option of many keys", [](size_t n) { return ",\"providerOptions\":{\"metadata\":" + object(n, "0") + "}"; },
      300);
  r.everywhere(
      "options that take away",
      [](size_t n) {
        return R"(,"providerOptions":{"response_format":{"json_schema":{"schema":{"properties":)" + object(n, "null") +
               R"(}}}},"responseFormat":{"type":"json","name":"f","schema":{"type":"object","properties":)" +
               object(n, "{}") + "}}";
      },
      200);
  r.everywhere(
      "a deep option",
      [](size_t n) {
        return R"(,"providerOptions":{"a":)" + repeat(n, [](size_t) { return string(R"({"a":)"); }) + "1" +
               string(n, '}') + "}";
      },
      24);
  r.everywhere("reserved options", [](size_t n) {
    return R"(,"providerOptions":{"messages":[],"model":"x",)" +
           repeat(n, [](size_t i) { return "\"k" + number(i) + "\":null"; }, ",") + "}";
  });
  r.options("anthropic-messages", "betas", [](size_t n) {
    return R"(,"providerOptions":{"mcp_servers":)" +
           list(n, [](size_t) { return string(R"({"type":"url","url":"u","name":"n"})"); }) + "}";
  });
  r.options(
      "openai-chat", "unknown fields",
      [](size_t n) { return "," + repeat(n, [](size_t i) { return "\"x" + number(i) + "\":0"; }, ","); }, 300);
  r.options("openai-chat", "MCP servers", [](size_t n) {
    return R"(,"mcpServers":{)" +
           repeat(
               n, [](size_t i) { return "\"s" + number(i) + R"(":{"command":"c","args":["a"],"env":{"A":"b"}})"; },
               ",") +
           "}";
  });

  const auto config_line = [](const string& config, const string& more = "") {
    return R"({"id":"c","type":"chat","payload":{"config":)" + config + more +
           R"(,"messages":[{"role":"user","content":"a"}],"dryRun":true}})";
  };
  const auto provider = [](const string& id, const string& more = "") {
    return R"({"id":")" + id + R"(","type":"openai-chat","baseUrl":"https://p.example/v1","apiKey":"k3y-0123456789")" +
           more + "}";
  };
  r.line("providers", [=](size_t n) {
    return config_line("{\"providers\":" + list(n, [&](size_t i) { return provider("p" + number(i)); }) + "}",
                       R"(,"model":"p)" + number(n - 1) + "/m\"");
  });
  r.line("models", [=](size_t n) {
    return config_line(
        "{\"providers\":[" +
            provider("p", ",\"models\":" + list(n, [](size_t i) { return R"({"id":"m)" + number(i) + "\"}"; })) + "]}",
        R"(,"model":"p/m)" + number(n - 1) + "\"");
  });
  r.line("aliases", [=](size_t n) {
    return config_line(
        "{\"providers\":[" + provider("p") + "],\"models\":{" +
            repeat(
                n, [](size_t i) { return "\"a" + number(i) + R"(":{"upstream":"p/m","allowedKeys":["x","y"]})"; },
                ",") +
            "}}",
        R"(,"callerKeyId":"y","model":"a)" + number(n - 1) + "\"");
  });
  r.line("allowed keys", [=](size_t n) {
    return config_line("{\"providers\":[" + provider("p") +
                           "],\"models\":{\"a\":{\"upstream\":\"p/m\",\"allowedKeys\":" +
                           list(n, [](size_t i) { return "\"x" + number(i) + "\""; }) + "}}}",
                       R"(,"callerKeyId":"x)" + number(n - 1) + R"(","model":"a")");
  });
  r.line(
      "headers",
      [=](size_t n) {
        return config_line(
            "{\"providers\":[" +
                provider("p", ",\"headers\":{" +
                                  repeat(
                                      n, [](size_t i) { return "\"x-h" + number(i) + "\":\"v\""; }, ",") +
                                  "}") +
                "]}",
            R"(,"model":"p/m")");
      },
      24);
  r.line(
      "secret headers",
      [=](size_t n) {
        return config_line("{\"providers\":[" +
                               provider("p", ",\"headers\":{" +
                                                 repeat(
                                                     n,
                                                     [](size_t i) {
                                                       return "\"x-key" + number(i) + "\":\"the-same-beginning-" +
                                                              number(i) + "\"";
                                                     },
                                                     ",") +
                                                 "}") +
                               "]}",
                           R"(,"model":"p/m")");
      },
      24);
  r.line(
      "fallbacks",
      [=](size_t n) {
        return config_line(
            "{\"providers\":[" + provider("p") + "]}",
            R"(,"model":"p/m","fallbacks":)" + list(n, [](size_t i) { return "\"p/f" + number(i) + "\""; }));
      },
      4);
  r.line(
      "accept",
      [=](size_t n) {
        return config_line("{\"providers\":[" + provider("p") + "]}",
                           R"(,"model":"p/m","accept":)" + list(n, [](size_t i) { return "\"a" + number(i) + "\""; }));
      },
      200);
  r.line(
      "a key that is long",
      [=](size_t n) { return R"({"id":"c","type":"chat","payload":{")" + string(64 * n, 'k') + "\":0}}"; }, 200);
  r.line(
      "keys of an object", [](size_t n) { return R"({"id":"c","type":"chat","payload":)" + object(n, "0") + "}"; },
      400);
  r.line(
      "keys of an object in reverse",
      [](size_t n) {
        return R"({"id":"c","type":"chat","payload":{)" +
               repeat(n, [n](size_t i) { return "\"k" + number(n - 1 - i) + "\":0"; }, ",") + "}}";
      },
      400);
  r.line(
      "the same key",
      [](size_t n) {
        return R"({"id":"c","type":"chat","payload":{)" +
               repeat(n, [](size_t) { return string("\"k\":0"); }, ",") + "}}";
      },
      400);
  r.line(
      "depth", [](size_t n) { return R"({"id":"c","type":"x","payload":)" + string(n, '[') + string(n, ']') + "}"; },
      30);
  r.line("no JSON", [](size_t n) { return string(64 * n, '\xFF'); }, 200);
  r.line("no JSON but brackets", [](size_t n) { return string(64 * n, '['); }, 200);
  r.line(
      "a long string",
      [](size_t n) {
        return chat_line("openai-chat", R"(,"dryRun":true)",
                         "[" + says("user", "\"" + string(256 * n, 'a') + "\"") + "]");
      },
      64);
  r.line(
      "escapes",
      [](size_t n) {
        return chat_line(
            "openai-chat", R"(,"dryRun":true)",
            "[" +
                says("user", "\"" + repeat(n, [](size_t) { return string(R"(\n\u00e9\ud83d\ude00\ud83d)"); }) + "\"") +
                "]");
      },
      200);
  r.line("reload_config", [=](size_t n) {
    return R"({"id":"r","type":"reload_config","payload":{"providers":)" +
           list(n, [&](size_t i) { return provider("p" + number(i)); }) + "}}";
  });
  r.line(
      "tool_result",
      [](size_t n) {
        return R"({"id":"r","type":"tool_result","payload":{"chatId":"c","toolCallId":"d","output":{"type":"json","value":)" +
               object(n, "0") + "}}}";
      },
      300);
}

// Returns a chat with a mock script, which is also a part of the parent's request.
string mock(const string& script) {
  return R"({"id":"c","type":"chat","payload":{"config":{"providers":[{"id":"mock","models":[{"id":"m","script":)" +
         script +
         R"(}]}]},"providerId":"mock","modelId":"m","messages":[{"role":"user","content":"a"}],"tools":[{"name":"t","executor":"return"}]}})";
}

void others(std::vector<Shape>& shapes) {
  shapes.push_back(
      {"line/mock script", 64, [](size_t n) {
         return Scene{
             .lines = {mock("[" +
                            list(n,
                                 [](size_t) {
                                   return string(
                                       R"({"text":"a"},{"reasoning":"b"},{"toolCall":{"toolName":"t","input":{}}})");
                                 }) +
                            "]")}};
       }});
  shapes.push_back({"line/chats that wait, cancelled", 64, [](size_t n) {
                      Scene scene{.lines = {}, .provider = {{}}, .max_in_flight = 1};
                      for (size_t i = 0; i < n; ++i)
                        scene.lines.push_back(string(chat_line("openai-chat")).replace(7, 1, "c" + number(i)));
                      for (size_t i = n; i-- > 1;)
                        scene.lines.push_back(R"({"id":"x)" + number(i) +
                                              R"(","type":"cancel","payload":{"chatId":"c)" + number(i) + "\"}}");
                      return scene;
                    }});
  shapes.push_back(
      {"line/models of a provider", 64, [](size_t n) {
         return Scene{
             .lines =
                 {R"({"id":"m","type":"models","payload":{"providerId":"p","config":{"providers":[{"id":"p","type":"openai-chat","baseUrl":"https://p.example/v1","apiKey":"k3y-0123456789"}]}}})"},
             .provider = {{"application/json",
                           "{\"data\":" + list(n, [](size_t i) { return R"({"id":"m)" + number(i) + "\"}"; }) + "}"}}};
       }});
  shapes.push_back(
      {"line/pages of models", 20, [](size_t n) {
         Scene scene{
             .lines = {
                 R"({"id":"m","type":"models","payload":{"providerId":"p","config":{"providers":[{"id":"p","type":"anthropic-messages","baseUrl":"https://p.example/v1","apiKey":"k3y-0123456789"}]}}})"}};
         for (size_t i = 0; i < n; ++i)
           scene.provider.push_back({"application/json", R"({"data":[{"id":"m)" + number(i) + R"("}],"has_more":)" +
                                                             (i + 1 < n ? "true" : "false") + R"(,"last_id":"m)" +
                                                             number(i) + "\"}"});
         return scene;
       }});
  shapes.push_back(
      {"line/an HTTP error", 64, [](size_t n) {
         return Scene{.lines = {chat_line("openai-chat", R"(,"retry":{"max":0})")},
                      .provider = {{"text/html", "<html>" + repeat(n, [](size_t) { return string("<p>a</p>&amp;"); }),
                                    16 << 10, 400}}};
       }});
  for (const string tag : {"head", "script", "style"}) {
    shapes.push_back({"line/an HTTP error of unclosed tags: " + tag, 400, [tag](size_t n) {
                        return Scene{
                            .lines = {chat_line("openai-chat", R"(,"retry":{"max":0})")},
                            .provider = {{"text/html", "<html>" + repeat(n, [&](size_t) { return '<' + tag + ">a"; }),
                                          16 << 10, 400}}};
                      }});
  }
  shapes.push_back({"line/an error that repeats itself", 2000, [](size_t n) {
                      return Scene{.lines = {chat_line("openai-chat", R"(,"retry":{"max":0})")},
                                   .provider = {{"text/event-stream",
                                                 R"(data: {"error":{"message":")" + string(8 * n, 'a') +
                                                     R"(","metadata":{"raw":")" + string(4 * n, 'a') + "b\"}}}\n\n"}}};
                    }});
  shapes.push_back({"line/bytes one by one", 2000, [](size_t n) {
                      Scene scene{.lines = {}};
                      scene.direct_bytes = n;
                      scene.direct = [n] {
                        LineFramer framer(1 << 20);
                        for (size_t i = 0; i < n; ++i) {
                          framer.prepare(1)[0] = i + 1 == n ? '\n' : 'a';
                          framer.commit(1);
                          while (framer.next()) {
                          }
                        }
                      };
                      return scene;
                    }});
  shapes.push_back({"line/short lines in one read", 400, [](size_t n) {
                      Scene scene{.lines = {}};
                      scene.direct_bytes = 2 * n;
                      scene.direct = [n] {
                        LineFramer framer(1 << 20);
                        const auto room = framer.prepare(2 * n);
                        for (size_t i = 0; i < n; ++i) room[2 * i] = 'a', room[2 * i + 1] = '\n';
                        framer.commit(2 * n);
                        while (framer.next()) {
                        }
                      };
                      return scene;
                    }});
  using Secrets = std::function<std::vector<string>(size_t n)>;
  const auto redact_many = [&shapes](const string& name, const Make& text, const Secrets& secrets, size_t n) {
    shapes.push_back({"redaction/" + name, n, [=](size_t i) {
                        Scene scene{.lines = {}};
                        auto words = std::make_shared<string>(text(i));
                        auto live = std::make_shared<std::vector<LiveSecret>>();
                        for (const auto& secret : secrets(i)) live->emplace_back(secret);
                        scene.direct_bytes = words->size();
                        scene.direct = [words, live] { static_cast<void>(without_live_secrets(*words)); };
                        return scene;
                      }});
  };
  const auto redact = [&](const string& name, const Make& text, const std::vector<string>& secrets, size_t n) {
    redact_many(name, text, [secrets](size_t) { return secrets; }, n);
  };
  const auto alike = [](const string& end) {
    return [end](size_t n) {
      std::vector<string> secrets;
      for (size_t i = 0; i < n; ++i) secrets.push_back("sk-proj-" + number(i) + end);
      return secrets;
    };
  };
  const auto beginnings = [](size_t n) { return repeat(n, [](size_t) { return string("sk-proj-"); }) + "the-end!"; };
  redact_many("beginnings of many secrets", beginnings, alike(""), 256);
  redact_many("beginnings and the end of many secrets", beginnings, alike("the-end!"), 256);
  redact("plain", [](size_t n) { return string(64 * n, 'a'); }, {"secret-0123456789"}, 64);
  redact("backslashes", [](size_t n) { return string(64 * n, '\\'); }, {"secret-0123456789"}, 64);
  redact(
      "secrets", [](size_t n) { return repeat(n, [](size_t) { return string("secret-0123456789 "); }); },
      {"secret-0123456789"}, 64);
  redact(
      "beginnings of a long secret", [](size_t n) { return "ssssssst" + string(64 * n, 's'); },
      {string(4096, 's') + "t"}, 128);
}

}  // namespace

string repeat(size_t n, const std::function<string(size_t i)>& make, const string& separator) {
  string out;
  for (size_t i = 0; i < n; ++i) {
    if (i > 0) out += separator;
    out += make(i);
  }
  return out;
}

string number(size_t i) {
  std::array<char, 24> digits{};
  std::snprintf(digits.data(), digits.size(), "%06zu", i);
  return digits.data();
}

string chat_line(const string& api, const string& more, const string& messages) {
  const string model = api == "vertex" ? "gemini-2.5-flash" : "claude-sonnet-4-5";  // Vertex AI: API by model
  return R"({"id":"c","type":"chat","payload":{"config":{"providers":[{"id":"p","type":")" + api +
         R"(","baseUrl":"https://p.example/v1","apiKey":"k3y-0123456789","region":"us-east-1","project":"project"}]},"providerId":"p","modelId":")" +
         model + R"(","messages":)" + (messages.empty() ? string(R"([{"role":"user","content":"a"}])") : messages) +
         more + "}}";
}

void add_request_shapes(std::vector<Shape>& shapes) {
  conversations(Requests(shapes));
  schemas(Requests(shapes));
  fields(Requests(shapes));
  others(shapes);
}

std::vector<Shape> all_shapes() {
  std::vector<Shape> shapes;
  add_response_shapes(shapes);
  add_request_shapes(shapes);
  add_tool_shapes(shapes);
  return shapes;
}

}  // namespace aiw::growth
