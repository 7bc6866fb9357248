#include "worker/options.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>

#include "worker/embedded_schemas.hpp"
#include "worker/exit_codes.hpp"
#include "worker/help_formatter.hpp"

namespace aiw {
namespace {

constexpr const char* kDescription =
    "A stateless AI worker. Reads one JSON request a line from stdin, calls the model provider that the request's "
    "config names, and streams the answer to stdout as JSON lines. stdout carries frames only; logs go to stderr.";

constexpr const char* kFooter =
    "Exit codes: 0 the input ended and every chat was answered; 1 with --fail, a chat failed or a line was rejected; "
    "64 bad arguments; 66 stdin could not be read; 70 internal error; 71 out of memory; 74 stdout was lost while work "
    "was under way; 75 a signal "
    "or the parent's death cut chats short; 129/130/143 a second SIGHUP/SIGINT/SIGTERM.\n\n"
    "Try it: printf '%s\\n' "
    "'{\"id\":\"1\",\"type\":\"chat\",\"payload\":{\"config\":{\"providers\":[{\"id\":\"mock\"}]},"
    "\"providerId\":\"mock\",\"modelId\":\"echo\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}}' | "
    "ai-worker";

bool in_leanspec_mode() {
  const char* mode = std::getenv("LEANSPEC_IPC_MODE");
  return mode != nullptr && std::string_view(mode) == "true";
}

void print_schema(const std::string& name) {
  for (const auto& schema : embedded_schemas()) {
    if (schema.name == name) std::fwrite(schema.text.data(), 1, schema.text.size(), stdout);
  }
}

std::vector<std::string> schema_names() {
  std::vector<std::string> names;
  for (const auto& schema : embedded_schemas()) names.emplace_back(schema.name);
  return names;
}

void add_limits(CLI::App& app, Options& options) {
  ServerOptions& server = options.server;
  constexpr const char* kGroup = "Limits";
  app.add_option("--max-line-bytes", server.max_line_bytes, "Longest line that is read")
      ->check(CLI::Range(std::size_t{1024}, std::size_t{1} << 30))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--max-frame-bytes", server.max_frame_bytes, "Length that deltas are split to fit")
      ->check(CLI::Range(std::size_t{1024}, std::size_t{1} << 30))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--max-depth", server.max_depth, "Deepest nesting of a line")
      ->check(CLI::Range(8, 1000))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--max-in-flight", server.max_in_flight, "Chats that run at once")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--max-queued", server.max_queued, "Chats that wait behind them")
      ->check(CLI::Range(0, 10'000'000))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--max-queued-bytes", server.max_queued_bytes, "Bytes of the lines that wait behind them")
      ->check(CLI::Range(std::size_t{0}, std::size_t{1} << 40))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--max-memory", options.max_memory,
                 "Bytes of memory; nearing it, new chats are refused. 0: the limit of the control group, else what the "
                 "machine has")
      ->check(CLI::Range(std::size_t{0}, std::size_t{1} << 50))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--max-parallel-tools", server.max_parallel_tools,
                 "Tool calls that the worker runs at once for a chat")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option_function<std::int64_t>(
         "--drain-ms", [&server](std::int64_t ms) { server.drain = std::chrono::milliseconds(ms); },
         "Time that chats have to finish after SIGTERM or shutdown [25000]")
      ->check(CLI::Range(0, 86'400'000))
      ->group(kGroup);
  app.add_option("--stdout-stall-ms", options.stdout_stall_ms, "Give up when nobody reads stdout for so long; 0: never")
      ->check(CLI::Range(0, 86'400'000))
      ->capture_default_str()
      ->group(kGroup);
}

void add_mcp(CLI::App& app, Options& options) {
  McpPoolOptions& mcp = options.mcp;
  constexpr const char* kGroup = "MCP servers";
  const auto add_ms = [&](const char* name, std::chrono::milliseconds& ms, const char* what) {
    app.add_option_function<std::int64_t>(
           name, [&ms](std::int64_t given) { ms = std::chrono::milliseconds(given); }, what)
        ->check(CLI::Range(0, 86'400'000))
        ->group(kGroup);
  };
  add_ms("--mcp-idle-ms", mcp.idle_limit, "A server that no chat uses ends after this time [60000]");
  add_ms("--mcp-connect-ms", mcp.connect_limit, "Time that a server has to say what tools it has; 0: no limit [30000]");
  app.add_option("--mcp-max-servers", mcp.max_servers, "Servers alive at the same time")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str()
      ->group(kGroup);
  app.add_flag("!--no-mcp-commands", mcp.allow_commands, "Only servers with a URL: a request can start no program")
      ->group(kGroup);
}

void add_parent_watch(CLI::App& app, Options& options) {
  app.add_option("--parent-watch", options.parent_watching,
                 "on: end when the process that started this one dies, even if another one holds the pipes; off: only "
                 "when stdin ends [on; off if SIGHUP is ignored (nohup) or stdin is a file]")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, ParentWatching>{{"on", ParentWatching::on}, {"off", ParentWatching::off}}));
}

void add_security(CLI::App& app, Options& options) {
  constexpr const char* kGroup = "Security";
  app.add_option("--allow-env", options.allow_env, "Variable that ${NAME} in a config may also read (repeatable)")
      ->group(kGroup);
  app.add_option("--allow-host", options.allow_host,
                 "Host that keys from variables and files may also go to (repeatable)")
      ->group(kGroup);
  app.add_option("--allow-file", options.allow_file,
                 "Folder that ${file:PATH} may name files in, beside /run/secrets and $CREDENTIALS_DIRECTORY "
                 "(repeatable)")
      ->check(CLI::ExistingDirectory)
      ->group(kGroup);
  app.add_flag("--allow-core", options.allow_core, "Core files and debuggers, which see keys and conversations")
      ->group(kGroup);
  app.add_option("--egress", options.http.egress,
                 "any: every address but metadata services; public: no private ones either [any]")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, Egress>{{"any", Egress::any}, {"public", Egress::public_only}}))
      ->group(kGroup);
  app.add_flag("--sandbox", options.sandbox, "Give up what the worker does not need: files, programs, system calls")
      ->group(kGroup);
}

// What is wrong with a file of certificates or keys; empty: nothing that can be seen from here.
std::string pem_fault(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("-----BEGIN ")) return {};
  }
  return file.eof() ? path + " is no PEM file" : path + " cannot be read";
}

std::string proxy_fault(const std::string& url) {
  for (const std::string_view scheme : {"http://", "https://", "socks5h://"}) {
    if (url.starts_with(scheme) && url.size() > scheme.size()) return {};
  }
  return "a proxy is http://HOST:PORT, https://HOST:PORT or socks5h://HOST:PORT";
}

void add_network(CLI::App& app, Options& options) {
  CurlClientOptions& http = options.http;
  constexpr const char* kGroup = "Network";
  app.add_option("--ca-file", http.ca_file, "Certificates to trust, PEM, in place of the system's [$SSL_CERT_FILE]")
      ->check(pem_fault)
      ->group(kGroup);
  app.add_option("--proxy", http.proxy, "Proxy for https URLs; hosts in no_proxy go without [$https_proxy]")
      ->check(proxy_fault)
      ->group(kGroup);
  auto* const cert = app.add_option("--client-cert", http.client_cert, "Certificate to show to --mtls-host, PEM")
                         ->check(pem_fault)
                         ->group(kGroup);
  app.add_option("--client-key", http.client_key, "Its key, PEM; may stand in --client-cert")
      ->check(pem_fault)
      ->needs(cert)
      ->group(kGroup);
  auto* const hosts =
      app.add_option("--mtls-host", http.client_cert_hosts, "Host that the certificate is shown to (repeatable)")
          ->transform([](const std::string& host) { return CLI::detail::to_lower(host); })
          ->needs(cert)
          ->group(kGroup);
  cert->needs(hosts);
}

void add_logging(CLI::App& app, Options& options) {
  const std::map<std::string, LogLevel> levels{{"trace", LogLevel::trace}, {"debug", LogLevel::debug},
                                               {"info", LogLevel::info},   {"warn", LogLevel::warn},
                                               {"error", LogLevel::error}, {"off", LogLevel::off}};
  app.add_option("--log-level", options.log_level, "trace, debug, info, warn, error or off [warn]")
      ->transform(CLI::CheckedTransformer(levels));
  app.add_option("--log-format", options.log_format, "text or json [text]")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, LogFormat>{{"text", LogFormat::text}, {"json", LogFormat::json}}));
}

}  // namespace

ParsedOptions parse_options(int argc, char** argv) {
  ParsedOptions parsed;
  Options& options = parsed.options;
  options.server.version = options.mcp.client_version = AIW_VERSION;
  if (in_leanspec_mode()) options.dialect = Dialect::leanspec;
  // As OpenSSL's users expect; libcurl itself does not look at it.
  if (const char* const file = std::getenv("SSL_CERT_FILE")) options.http.ca_file = file;
  // The usual case, a parent that passes nothing, should not wait for a parser to be built.
  if (argc == 1) return parsed;

  CLI::App app{kDescription, "ai-worker"};
  app.formatter(std::make_shared<HelpFormatter>());
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("ai-worker ") + AIW_VERSION);
  app.add_option("--protocol", "Version of the protocol")->check(CLI::IsMember({"1"}));
  app.add_option("--dialect", options.dialect, "v1 or leanspec [v1; leanspec if LEANSPEC_IPC_MODE=true]")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, Dialect>{{"v1", Dialect::v1}, {"leanspec", Dialect::leanspec}}));
  std::string schema;
  app.add_option("--print-schema", schema,
                 "Print a JSON Schema and exit: request, event, config, cassette or leanspec-event")
      ->check(CLI::IsMember(schema_names()));
  app.add_flag("--fail", options.fail, "Exit with 1 if a chat ended with an error or a line was rejected");
  add_parent_watch(app, options);
  add_logging(app, options);
  add_limits(app, options);
  add_mcp(app, options);
  add_security(app, options);
  add_network(app, options);
  // leanspec-http starts its worker as `node <script>`; with both set to this program it gets its own path.
  std::string script;
  if (in_leanspec_mode()) app.add_option("script", script, "Ignored: the path that leanspec-http passes")->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    parsed.exit_code = app.exit(error, std::cout, std::cerr) == 0 ? kExitOk : kExitUsage;
    return parsed;
  }
  if (!schema.empty()) {
    print_schema(schema);
    parsed.exit_code = kExitOk;
  }
  return parsed;
}

}  // namespace aiw
