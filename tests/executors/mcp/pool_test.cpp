// The pool with children and a network that the test plays.
#include "worker/executors/mcp/pool.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/executors/mcp/fakes.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/fake_http.hpp"

using namespace aiw;
using namespace std::chrono_literals;
using test::FakeChild;
using test::Json;

namespace {

using Names = std::vector<std::string>;

struct Fixture {
  explicit Fixture(McpPoolOptions given = {}) : options(std::move(given)) {}

  struct Opened {
    std::unique_ptr<ChatRequest> chat = std::make_unique<ChatRequest>();
    std::optional<ToolSource::Result> result{};
    std::unique_ptr<ToolSource::Opening> opening{};

    [[nodiscard]] Names names() const {
      REQUIRE(result);
      REQUIRE(result->has_value());
      Names out;
      for (const auto& tool : (*result)->tools) out.push_back(tool.name);
      return out;
    }
    [[nodiscard]] const Error& error() const {
      REQUIRE(result);
      REQUIRE_FALSE(result->has_value());
      return result->error();
    }
  };

  std::unique_ptr<Opened> open(std::vector<McpServer> servers) {
    auto opened = std::make_unique<Opened>();
    opened->chat->mcp_servers = std::move(servers);
    opened->opening = pool.open(*opened->chat, [into = opened.get()](ToolSource::Result result) {
      CHECK_FALSE(into->result);
      into->result = std::move(result);
      into->opening.reset();
    });
    return opened;
  }
  // Opened, and its server has told its tools.
  std::unique_ptr<Opened> ready(McpServer server, const Names& tools = {"go"}) {
    auto opened = open({std::move(server)});
    launcher.children.back().handshake(tools);
    clock.advance(0ms);
    return opened;
  }
  std::unique_ptr<ToolRun> run(Opened& opened, Names& outputs) {
    return opened.result->value().tools.at(0).runner->run(
        {"id", "{}"}, [&outputs](std::string output) { outputs.push_back(Json::parse(output).at("value")); });
  }

  McpPoolOptions options;
  MemoryAccounts memory{{}};
  FakeClock clock;
  FakeHttp http;
  test::FakeLauncher launcher;
  Names log;
  McpLogLevel log_level = McpLogLevel::debug;
  McpPool pool{
      options,
      {.clock = clock,
       .http = http,
       .memory = memory,
       .launcher = launcher,
       .key_resolver =
           [] {
             return McpKeyResolver([](std::string_view value, const BaseUrl& to) -> std::expected<ResolvedText, Error> {
               if (value == "${KEY}") {
                 const std::string key = "resolved-for-" + (to.host.empty() ? "child" : to.host);
                 return ResolvedText{key, {key}};
               }
               if (value == "key=${KEY}") return ResolvedText{"key=resolved", {"resolved"}};
               if (value == "${NO}") return std::unexpected(Error{.code = "variable_not_allowed"});
               return ResolvedText{std::string(value)};
             });
           },
       .log_enabled = [this](McpLogLevel level) { return level >= log_level; },
       .log =
           [this](McpLogLevel, std::string_view server, std::string_view event, std::string_view text) {
             log.push_back(std::string(server) + " " + std::string(event) + " " + std::string(text));
           }}};
};

McpServer child(std::string name = "s") { return {.name = std::move(name), .command = "prog", .args = {"a"}}; }

}  // namespace

TEST_CASE_FIXTURE(Fixture, "mcp pool: a chat without servers asks for nothing") {
  ChatRequest chat;
  CHECK(pool.open(chat, [](ToolSource::Result) { FAIL("told"); }) == nullptr);
}

TEST_CASE_FIXTURE(Fixture, "mcp pool: a server's tools get its name, and run") {
  McpServer server = child("my server");
  server.approval = Approval::parent;
  server.timeout_ms = 5;
  auto opened = ready(server, {"go", "stop"});
  CHECK(opened->names() == Names{"my_server__go", "my_server__stop"});
  const auto& tool = opened->result->value().tools.at(0);
  CHECK(tool.executor == "mcp");
  CHECK(tool.approval == Approval::parent);
  CHECK(tool.timeout_ms == 5);
  CHECK(tool.input_schema == R"({"type":"object"})");
  Names outputs;
  const auto running = run(*opened, outputs);
  FakeChild& process = launcher.children.at(0);
  CHECK(process.messages().back().at("params").at("name") == "go");
  process.say(test::rpc_answer(process.messages().back(),
                               {{"content", Json::array({Json{{"type", "text"}, {"text", "went"}}})}}));
  CHECK(outputs == Names{"went"});
}

TEST_CASE_FIXTURE(Fixture, "mcp pool: the same definition is shared, at once and later; any difference is not") {
  auto first = open({child("a")});
  auto second = open({child("b")});  // a name is no difference
  REQUIRE(launcher.children.size() == 1);
  launcher.children[0].handshake();
  clock.advance(0ms);
  CHECK(first->names() == Names{"a__go"});
  CHECK(second->names() == Names{"b__go"});
  auto third = open({child("c")});
  CHECK_FALSE(third->result);  // not within the call
  clock.advance(0ms);
  CHECK(third->names() == Names{"c__go"});
  std::vector<McpServer> others(6, child());
  others[0].args = {"a", "b"};
  others[1].args = {};
  others[2].env = {{"A", "1"}};
  others[3].env = {{"A", "2"}};
  others[4].cwd = "/tmp";
  others[5].command = "prog2";
  std::vector<std::unique_ptr<Opened>> more;
  for (const auto& other : others) more.push_back(open({other}));
  CHECK(launcher.children.size() == 7);
}

TEST_CASE_FIXTURE(Fixture, "mcp pool: collisions between servers and with the request's own tools are resolved") {
  auto opened = std::make_unique<Opened>();
  McpServer one = child("a b"), two = child("a_b");
  two.args = {"other"};
  opened->chat->mcp_servers = {one, two};
  opened->chat->tools.push_back({.name = {"a_b__go"}});
  opened->opening = pool.open(*opened->chat, [&](ToolSource::Result result) { opened->result = std::move(result); });
  for (auto& process : launcher.children) process.handshake();
  clock.advance(0ms);
  CHECK(opened->names() == Names{"a_b__go_2", "a_b__go_3"});
}

TEST_CASE_FIXTURE(Fixture, "mcp pool: only the tools that are wanted are offered, and what is missing is noted") {
  McpServer server = child();
  server.tools = {"b", "nothing"};
  const auto opened = ready(server, {"a", "b"});
  CHECK(opened->names() == Names{"s__b"});
  REQUIRE(opened->result->value().notes.size() == 1);
  CHECK(opened->result->value().notes[0].code == "mcp_tool_missing");
}

TEST_CASE_FIXTURE(Fixture, "mcp pool: a server that cannot be had is an error, or a note if it is optional") {
  McpServer server = child();
  server.args = {"secret-argument"};
  SUBCASE("it does not start") {
    launcher.fails = "No such file or directory";
    auto opened = open({server});
    CHECK_FALSE(opened->result);
    clock.advance(0ms);
    CHECK(opened->error().message ==
          "the MCP server s is not available: it cannot be started: No such file or directory");
    CHECK(opened->error().code == "mcp_unavailable");
    CHECK(opened->error().category == Category::tool);
  }
  SUBCASE("it dies") {
    auto opened = open({server});
    launcher.children[0].die("it exited with code 5");
    clock.advance(0ms);
    CHECK(opened->error().message == "the MCP server s is not available: it exited with code 5");
  }
  SUBCASE("it says nothing") {
    auto opened = open({server});
    clock.advance(30s);
    CHECK(opened->error().message == "the MCP server s is not available: it was not ready within 30000 ms");
  }
  SUBCASE("it is optional, another one is there") {
    server.optional = true;
    auto opened = open({server, child("t")});
    launcher.children[1].handshake();
    clock.advance(0ms);
    CHECK_FALSE(opened->result);
    launcher.children[0].die("it exited with code 5");
    CHECK(opened->names() == Names{"t__go"});
    CHECK(opened->result->value().notes.at(0).code == "mcp_unavailable");
  }
  clock.advance(0ms);
  CHECK(launcher.running() <= 1);
}

TEST_CASE_FIXTURE(Fixture, "mcp pool: a dead server's calls fail, the next chat gets another one") {
  auto opened = ready(child());
  Names outputs;
  const auto one = run(*opened, outputs);
  launcher.children[0].die("it was ended by signal 9");
  CHECK(outputs == Names{"the MCP server was ended by signal 9"});
  clock.advance(0ms);
  const auto two = run(*opened, outputs);
  CHECK(outputs.size() == 1);
  clock.advance(0ms);
  CHECK(outputs.at(1) == "the MCP server is gone");
  const auto again = ready(child());
  CHECK(again->names() == Names{"s__go"});
  CHECK(launcher.children.size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "mcp pool: a server ends when nobody has used it for a time") {
  auto first = ready(child());
  auto second = ready(child());
  first.reset();
  clock.advance(1h);
  CHECK(pool.servers() == 1);
  second.reset();
  clock.advance(59s);
  CHECK(pool.servers() == 1);
  auto third = open({child()});  // just in time
  clock.advance(1h);
  CHECK(launcher.children.size() == 1);
  third.reset();
  clock.advance(60s);
  CHECK(pool.servers() == 0);
  CHECK(launcher.running() == 0);
}

TEST_CASE_FIXTURE(Fixture, "mcp pool: an opening that is given up is not told, and its server may be idle") {
  auto opened = open({child()});
  opened->opening.reset();
  launcher.children[0].handshake();
  clock.advance(0ms);
  CHECK_FALSE(opened->result);
  clock.advance(60s);
  CHECK(pool.servers() == 0);
}

TEST_CASE("mcp pool: its size is bounded; idle servers make room, used ones do not") {
  Fixture fixture({.max_servers = 2});
  McpServer a = child("a"), b = child("b"), c = child("c");
  b.args = {"b"};
  c.args = {"c"};
  auto first = fixture.ready(a);
  auto second = fixture.ready(b);
  auto third = fixture.open({c});
  fixture.clock.advance(0ms);
  CHECK(third->error().message ==
        "the MCP server c is not available: it would be one more than this worker may have at a time");
  first.reset();
  const auto fourth = fixture.ready(c);
  CHECK(fourth->names() == Names{"c__go"});
  CHECK(fixture.pool.servers() == 2);
}

TEST_CASE("mcp pool: no command is started where none may be") {
  Fixture fixture({.allow_commands = false});
  auto opened = fixture.open({child()});
  fixture.clock.advance(0ms);
  CHECK(opened->error().code == "command_not_allowed");
  CHECK(opened->error().pointer == "/payload/mcpServers/s/command");
  CHECK(fixture.launcher.children.empty());
}

TEST_CASE_FIXTURE(Fixture, "mcp pool: references to keys are resolved for where they go, and never logged") {
  McpServer server = child();
  server.env = {{"TOKEN", "${KEY}"}};
  auto opened = open({server});
  CHECK(launcher.children.at(0).command.env.at(0).second == "resolved-for-child");
  launcher.children[0].handler->on_diagnostics("token=resolved-for-child;\n");
  CHECK(log.back() == "s stderr token=[redacted];");
  McpServer remote{.name = "a/b~c", .url = "https://host.example/x", .headers = {{"X-Key", "${KEY}"}}};
  auto other = open({remote});
  const Header* const sent = http.last().request().headers.find("X-Key");
  REQUIRE(sent != nullptr);
  CHECK(sent->value == "resolved-for-host.example");
  CHECK(sent->secret);
  remote.headers = {{"X-Key", "${NO}"}};
  auto refused = open({remote});
  clock.advance(0ms);
  CHECK(refused->error().code == "variable_not_allowed");
  CHECK(refused->error().pointer == "/payload/mcpServers/a~1b~0c/headers");
}

TEST_CASE_FIXTURE(Fixture, "mcp pool: what a server is given is bounded, however it is made up") {
  McpServer server = child();
  for (int i = 0; i < 5; ++i) server.env.emplace_back("N" + std::to_string(i), std::string(60'000, 'x'));
  auto opened = open({server});
  clock.advance(0ms);
  CHECK(opened->error().code == "invalid_request");
  CHECK(opened->error().pointer == "/payload/mcpServers/s/env");
  server.env.pop_back();
  auto fits = open({server});
  CHECK(launcher.children.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "mcp pool: whatever a secret is, it is taken out of the log, once") {
  McpServer server = child();
  server.env = {{"A", "redact"}, {"B", "Bearer token-1"}, {"C", "a"}};
  auto opened = open({server});
  launcher.children[0].handler->on_diagnostics("redact token-1 Bearer token-1 redact a\n");
  CHECK(log.back() == "s stderr [redacted] [redacted] [redacted] [redacted] a");
}

TEST_CASE_FIXTURE(Fixture, "mcp pool: a line of stderr that is too long is logged without a piece of a key") {
  McpServer server = child();
  const std::string key = "canary-0123456789" + std::string(183, 'k');
  server.env = {{"A", key}};
  auto opened = open({server});
  ChildHandler& stderr_of = *launcher.children[0].handler;
  SUBCASE("at its end") {
    for (std::size_t filler = 0; filler < key.size(); filler += 7) {
      clock.advance(100ms);  // few lines are logged a second
      std::string line(filler, 'x');
      while (line.size() < 6'000) line += key;
      stderr_of.on_diagnostics(line.substr(0, 3'000));
      stderr_of.on_diagnostics(line.substr(3'000) + "\n");
      CHECK(log.back().starts_with("s stderr " + std::string(filler, 'x') + "[redacted]"));
      CHECK_FALSE(log.back().contains("canary"));
    }
  }
  SUBCASE("at its beginning, where the server ends before it is ready") {
    stderr_of.on_diagnostics(std::string(4'200, 'x') + key.substr(0, 8));
    stderr_of.on_diagnostics(key.substr(8));
    stderr_of.on_diagnostics(key.substr(8) + "\nthe last line");
    log.clear();
    stderr_of.on_gone("it exited");
    CHECK(std::ranges::count(log, "s stderr of a server that was not ready the last line") == 1);
    for (const auto& line : log) CHECK_FALSE(line.contains("123456789"));
  }
}

TEST_CASE_FIXTURE(Fixture, "mcp pool: a key that a server says again is not in its results; other values stay") {
  McpServer server = child();
  server.env = {{"TOKEN", "${KEY}"}, {"ROOT", "/srv/docs"}, {"PART", "key=${KEY}"}};
  auto opened = ready(server);
  Names outputs;
  const auto run = this->run(*opened, outputs);
  launcher.children[0].handler->on_output(
      R"({"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text","text":"resolved-for-child /srv/docs resolved"}]}})"
      "\n");
  CHECK(outputs == Names{"[redacted] /srv/docs [redacted]"});
}

TEST_CASE_FIXTURE(Fixture, "fault 97: a server that has a key by value is another than one that has it by reference") {
  McpServer by_value = child();
  by_value.env = {{"TOKEN", "resolved-for-child"}};
  McpServer by_reference = child();
  by_reference.env = {{"TOKEN", "${KEY}"}};
  auto first = open({by_value});
  auto second = open({by_reference});
  auto third = open({by_reference});
  CHECK(launcher.children.size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "mcp pool: URLs are held to the rules of providers'") {
  const auto refused = [&](const std::string& url, std::vector<std::pair<std::string, std::string>> headers = {}) {
    auto opened = open({{.name = "s", .url = url, .headers = std::move(headers)}});
    clock.advance(0ms);
    return opened->result ? opened->error().code : "";
  };
  CHECK(refused("ftp://a/") == "invalid_request");
  CHECK(refused("http://user:pass@a/") == "invalid_request");
  CHECK(refused("http://a/", {{"X", "y"}}) == "insecure_url");
  CHECK(refused("https://a/", {{"X", "y\r\nz"}}) == "invalid_request");
  CHECK(http.count() == 0);
  CHECK(refused("http://127.0.0.1/", {{"X", "y"}}).empty());
  CHECK(refused("http://a/").empty());
  CHECK(http.count() == 2);
}

TEST_CASE_FIXTURE(Fixture, "mcp pool: closing ends every server and tells when they are gone") {
  auto opened = ready(child());
  opened.reset();
  bool closed = false;
  pool.close([&] { closed = true; });
  clock.advance(10ms);
  CHECK(closed);
  CHECK(launcher.running() == 0);
}

TEST_CASE_FIXTURE(Fixture, "mcp pool: closing says farewell to sessions, but waits two seconds at most") {
  auto opened = open({{.name = "s", .url = "https://host.example/x"}});
  http.last().head(200, {{"content-type", "application/json"}, {"mcp-session-id", "id"}});
  http.last().body(test::initialize_answer({{"id", 1}}, "2025-11-25", Json::object()).dump());
  http.last().end();
  opened.reset();
  bool closed = false;
  pool.close([&] { closed = true; });
  clock.advance(1s);
  CHECK(http.last().request().method == "DELETE");
  CHECK_FALSE(closed);
  clock.advance(1s);
  CHECK(closed);
}

TEST_CASE_FIXTURE(Fixture, "mcp stdio: lines are cut anywhere, garbage is passed over, endless lines end the server") {
  auto opened = open({child()});
  FakeChild& process = launcher.children.at(0);
  const std::string answer = "Welcome!\n\n \r\n" + test::initialize_answer(process.messages().at(0)).dump() + "\r\n";
  for (const char c : answer) process.handler->on_output({&c, 1});
  process.say(test::tools_answer(process.messages().back(), {"go"}));
  clock.advance(0ms);
  CHECK(opened->names() == Names{"s__go"});
  Names outputs;
  const auto running = opened->result->value().tools.at(0).runner->run(
      {"id", "{\"a\":\n1,\r\n\"b\":\"\\n\"}"}, [&](std::string output) { outputs.push_back(output); });
  CHECK(process.messages().back().at("params").at("arguments") == Json{{"a", 1}, {"b", "\n"}});
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 70 && process.handler != nullptr; ++i) process.handler->on_output(piece);
  CHECK(process.handler == nullptr);
  REQUIRE(outputs.size() == 1);
  CHECK(Json::parse(outputs[0]).at("value") == "the MCP server wrote a line that is too long");
}

TEST_CASE_FIXTURE(Fixture, "mcp stdio: a server that does not read is ended before it costs memory") {
  auto opened = ready(child());
  FakeChild& process = launcher.children.at(0);
  process.unwritten = std::size_t{64} << 20;
  Names outputs;
  const auto running = run(*opened, outputs);
  CHECK(outputs.empty());
  clock.advance(0ms);
  CHECK(outputs == Names{"the MCP server does not read its input"});
}

TEST_CASE_FIXTURE(Fixture,
                  "fault 109: a server's log lines are bounded a second, and those that are left out counted") {
  auto opened = ready(child());
  FakeChild& process = launcher.children.at(0);
  log.clear();
  const Json line = {
      {"jsonrpc", "2.0"}, {"method", "notifications/message"}, {"params", {{"level", "error"}, {"data", "noise"}}}};
  for (int i = 0; i < 1'000; ++i) process.say(line);
  CHECK(log.size() <= 200);
  CHECK(log.size() >= 190);
  const auto shown = log.size();
  clock.advance(1s);
  REQUIRE(log.size() == shown + 1);
  CHECK(log.back() == "s log lines were dropped " + std::to_string(1'000 - shown));
  process.say(line);
  CHECK(log.back() == R"(s says "noise")");
}

TEST_CASE_FIXTURE(Fixture, "fault 109: nothing is done for a log line that the level leaves out") {
  auto opened = ready(child());
  log.clear();
  log_level = McpLogLevel::error;
  FakeChild& process = launcher.children.at(0);
  for (int i = 0; i < 1'000; ++i) process.handler->on_diagnostics("noise\n");
  CHECK(log.empty());
  clock.advance(1s);
  CHECK(log.empty());
}

TEST_CASE_FIXTURE(Fixture, "fault 109: a server that floods its stdout is read at a bounded rate") {
  auto opened = ready(child());
  FakeChild& process = launcher.children.at(0);
  const Json line = {{"jsonrpc", "2.0"}, {"method", "notifications/progress"}};
  int said = 0;
  while (!process.paused && said < 10'000) {
    process.say(line);
    ++said;
  }
  CHECK(process.paused);
  CHECK(said <= 2'000);
  for (int turn = 0; turn < 10; ++turn) {
    clock.advance(100ms);
    while (!process.paused) {
      process.say(line);
      ++said;
    }
  }
  CHECK(said <= 3'010);
  CHECK(said >= 2'900);
  // Large messages count by their size, too.
  clock.advance(2s);
  CHECK_FALSE(process.paused);
  const std::string large = R"({"jsonrpc":"2.0","method":"x","params":{"x":")" + std::string(64 << 10, 'x') + "\"}}\n";
  int count = 0;
  for (; !process.paused && count < 10'000; ++count) process.handler->on_output(large);
  CHECK(count <= 500);
}

TEST_CASE("fault 109: one chat does not take all servers that this worker may have") {
  Fixture f({.max_servers = 40});
  std::vector<McpServer> many;
  for (int i = 0; i < 20; ++i) {
    McpServer server = child("s" + std::to_string(i));
    server.args = {std::to_string(i)};
    server.optional = true;
    many.push_back(std::move(server));
  }
  const auto greedy = f.open(std::move(many));
  CHECK(f.launcher.children.size() == 10);
  const auto other = f.open({child("other")});
  CHECK(f.launcher.children.size() == 11);
}
