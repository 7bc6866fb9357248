// Feeds any lines from an MCP server, before, during and after its handshake.
#include <nlohmann/json.hpp>

#include "tests/fuzz/fuzz_input.hpp"
#include "tests/support/fake_clock.hpp"
#include "worker/executors/mcp/pool.hpp"

namespace {

using namespace aiw;
using nlohmann::json;

// MCP server whose output is the input. Its output is cut at the input's cuts.
class FuzzLauncher : public ChildLauncher {
 public:
  std::expected<std::unique_ptr<ChildProcess>, std::string> spawn(const ChildCommand&, ChildHandler& handler) override {
    handler_ = &handler;
    return std::make_unique<Child>(*this);
  }
  [[nodiscard]] std::size_t running() const override { return handler_ == nullptr ? 0 : 1; }
  void say(std::string_view bytes) {
    if (handler_ != nullptr) handler_->on_output(bytes);
  }
  void die() {
    if (handler_ != nullptr) handler_->on_gone("it exited with code 0");
  }

 private:
  class Child : public ChildProcess {
   public:
    explicit Child(FuzzLauncher& launcher) : launcher_(launcher) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() override { launcher_.handler_ = nullptr; }
    void write(std::string bytes) override {
      fuzz::require(bytes.ends_with('\n') && bytes.find('\n') == bytes.size() - 1, "a message is one line");
      fuzz::require(json::accept(bytes), "a message is JSON");
    }
    void set_output_paused(bool) override {}
    [[nodiscard]] std::size_t unwritten() const override { return 0; }

   private:
    FuzzLauncher& launcher_;
  };
  ChildHandler* handler_ = nullptr;
};

class NoHttp : public HttpClient {
 public:
  std::unique_ptr<HttpTransfer> start(HttpRequest, const HttpLimits&, HttpHandler&) override { std::abort(); }
};

void check_tool(const OfferedTool& tool) {
  fuzz::require(!tool.name.empty() && tool.name.size() <= 64, "a name's length");
  fuzz::require(tool.name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
                    std::string::npos,
                "a name's characters");
  fuzz::require(json::parse(tool.input_schema).is_object(), "a schema is an object");
}

void check_output(const std::string& text) {
  const json output = json::parse(text);
  const std::string type = output.at("type");
  const json& value = output.at("value");
  if (type == "text" || type == "error-text") return fuzz::require(value.is_string(), "a text is a string");
  if (type != "content") return fuzz::require(type == "json" || type == "error-json", "a type of ours");
  for (const auto& part : value) {
    const bool is_text = part.at("type") == "text";
    fuzz::require(is_text ? part.at("text").is_string() : !part.at("data").get<std::string>().empty(), "a part");
    if (!is_text) fuzz::require(part.at("data").get<std::string>().find(':') == std::string::npos, "no URL as data");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto input = fuzz::read_input(bytes, size);
  MemoryAccounts memory{{}};
  FakeClock clock;
  NoHttp http;
  FuzzLauncher launcher;
  McpPool pool({}, {.clock = clock,
                    .http = http,
                    .memory = memory,
                    .launcher = launcher,
                    .key_resolver =
                        [] {
                          return McpKeyResolver(
                              [](std::string_view value, const BaseUrl&) -> std::expected<ResolvedText, Error> {
                                return ResolvedText{std::string(value)};
                              });
                        },
                    .log_enabled = [](McpLogLevel) { return true; },
                    .log = [](McpLogLevel, std::string_view, std::string_view, std::string_view) {}});
  ChatRequest chat;
  chat.mcp_servers = {{.name = "server", .command = "program"}};
  std::vector<std::unique_ptr<ToolRun>> runs;
  std::vector<OfferedTool> tools;
  int ready = 0;
  std::size_t outputs = 0;
  const auto opening = pool.open(chat, [&](ToolSource::Result result) {
    ++ready;
    if (!result) return;
    tools = std::move(result->tools);
    for (const auto& tool : tools) {
      check_tool(tool);
      if (runs.size() == 8) continue;
      runs.push_back(tool.runner->run({"call", "{}"}, [&](std::string output) {
        ++outputs;
        check_output(output);
      }));
    }
  });
  clock.advance(std::chrono::milliseconds(0));
  // Replies to the first requests in order, so that a short input gets past the handshake.
  if (!input.data.starts_with("!")) {
    launcher.say(R"({"id":1,"result":{"protocolVersion":"2025-03-26","capabilities":{}}})"
                 "\n"
                 R"({"id":2,"result":{"tools":[{"name":"a"},{"name":"b"},{"name":"c"}]}})"
                 "\n");
    clock.advance(std::chrono::milliseconds(0));
  }
  for (const auto& piece : input.pieces()) {
    launcher.say(piece);
    clock.advance(std::chrono::milliseconds(1));
  }
  launcher.say("\n");
  launcher.die();
  clock.advance(std::chrono::seconds(31));
  fuzz::require(ready == 1, "a chat is told once whether its servers are there");
  fuzz::require(outputs == runs.size(), "each call has one output");
  return 0;
}
