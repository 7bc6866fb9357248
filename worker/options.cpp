#include "worker/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <expected>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "protocol/ascii.hpp"
#include "protocol/json_text.hpp"
#include "worker/base/white_space.hpp"
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

template <typename T>
using Choices = std::vector<std::pair<std::string, T>>;

// Adds an option whose value is one of a few words.
template <typename T>
CLI::Option* add_choice(CLI::App& app, const char* name, T& into, const Choices<T>& choices, const char* what) {
  std::string words;
  for (const auto& choice : choices) words += (words.empty() ? "" : "|") + choice.first;
  return app
      .add_option_function<std::string>(
          name,
          [&into, choices](const std::string& given) {
            into = std::ranges::find(choices, given, &std::pair<std::string, T>::first)->second;
          },
          what)
      ->check([choices, words](const std::string& given) {
        const bool known = std::ranges::count(choices, given, &std::pair<std::string, T>::first) > 0;
        return known ? std::string() : "'" + given + "' is none of " + words;
      })
      ->type_name(words);
}

// Validates a host as written in URLs, without scheme and port. Any other text would never match.
std::string host_fault(const std::string& host) {
  const bool is_ipv6 = std::ranges::count(host, ':') > 1;
  if (!host.empty() && host.find_first_of("/*@[] ") == std::string::npos && (is_ipv6 || !host.contains(':'))) return {};
  return "'" + host + "' is not a host: expected a name or address without scheme, port or brackets";
}

// Same, with or without a port: "host", "host:443", "::1", "[::1]:8080".
std::string host_and_port_fault(const std::string& text) {
  const auto colon = text.rfind(':');
  const auto port = text.substr(std::min(colon, text.size()) + (colon == std::string::npos ? 0 : 1));
  const bool is_port = !port.empty() && port.size() <= 5 && std::ranges::all_of(port, is_ascii_digit);
  const std::string host = text.substr(0, colon);
  if (is_port && host.starts_with('[') && host.ends_with(']')) {
    const auto inner = host.substr(1, host.size() - 2);
    return inner.contains(':') ? host_fault(inner) : host_fault(host);
  }
  return is_port && !host.contains(':') ? host_fault(host) : host_fault(text);
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
  app.add_option("--max-depth", server.max_depth, "Deepest nesting of a line's JSON")
      ->check(CLI::Range(8, 1000))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--max-in-flight", server.admission.max_in_flight, "Chats that run at once")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--max-queued", server.admission.max_queued, "Chats that wait for a place")
      ->check(CLI::Range(0, 10'000'000))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--max-queued-bytes", server.admission.max_queued_bytes, "Bytes of the lines that wait for a place")
      ->check(CLI::Range(std::size_t{0}, std::size_t{1} << 40))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option(
         "--max-memory", options.max_memory,
         "Memory limit. Near it, new chats are refused and the largest chats are ended. 0: the control group's limit, "
         "else the machine's memory")
      ->check(CLI::Range(std::size_t{0}, std::size_t{1} << 50))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--max-parallel-tools", server.max_parallel_tools, "Tool calls of one chat that run at once")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option_function<std::int64_t>(
         "--drain-ms", [&server](std::int64_t ms) { server.drain = std::chrono::milliseconds(ms); },
         "Time that chats get to finish after SIGTERM or shutdown [25000]")
      ->check(CLI::Range(0, 86'400'000))
      ->group(kGroup);
  app.add_option_function<std::int64_t>(
         "--stdout-stall-ms", [&options](std::int64_t ms) { options.stdout_stall_ms = ms; },
         "End the worker if stdout is not read for this long; 0: never [300000; 0 in the leanspec dialect]")
      ->check(CLI::Range(0, 86'400'000))
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
  add_ms("--mcp-idle-ms", mcp.idle_limit, "Idle time after which an unused server is stopped [60000]");
  add_ms("--mcp-connect-ms", mcp.connect_limit, "Connect timeout (handshake and tools/list); 0: none [30000]");
  app.add_option("--mcp-max-servers", mcp.max_servers, "Servers that run at once")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str()
      ->group(kGroup);
  app.add_flag("!--no-mcp-commands", mcp.allow_commands,
               "Accept only servers with a URL, so that no request can start a program")
      ->group(kGroup);
}

void add_parent_watch(CLI::App& app, Options& options) {
  add_choice(app, "--parent-watch", options.parent_watching,
             Choices<ParentWatching>{{"on", ParentWatching::on}, {"off", ParentWatching::off}},
             "on: end when the process that started this one dies, even if another one holds the pipes; off: only "
             "when stdin ends [on; off if SIGHUP is ignored (nohup) or stdin is a file]");
}

void add_security(CLI::App& app, Options& options) {
  constexpr const char* kGroup = "Security";
  app.add_option("--allow-env", options.allow_env, "Variable that ${NAME} in a config may also read (repeatable)")
      ->group(kGroup);
  app.add_option(
         "--allow-host", options.allow_host,
         "Host that keys from variables and files may also go to, on every port or as HOST:PORT on one (repeatable)")
      ->check(host_and_port_fault)
      ->transform([](const std::string& host) { return ascii_lower(host); })
      ->type_name("HOST[:PORT]")
      ->group(kGroup);
  app.add_option("--allow-file", options.allow_file,
                 "Folder that ${file:PATH} may name files in, beside /run/secrets and $CREDENTIALS_DIRECTORY "
                 "(repeatable)")
      ->check(CLI::ExistingDirectory)
      ->type_name("FOLDER")
      ->group(kGroup);
  app.add_flag("--allow-core", options.allow_core, "Allow core files and debuggers, which see keys and conversations")
      ->group(kGroup);
  add_choice(app, "--egress", options.http.egress,
             Choices<Egress>{{"any", Egress::any}, {"public", Egress::public_only}},
             "any: every address but metadata services; public: no private ones either [any]")
      ->group(kGroup);
  app.add_flag("--sandbox", options.sandbox,
               "Drop access to files, programs and system calls that the worker does not need")
      ->group(kGroup);
}

// Returns an error text for a file that is not readable PEM (certificates or keys); empty if no fault is visible.
std::string pem_fault(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("-----BEGIN ")) return {};
  }
  return file.eof() ? path + " is not a PEM file" : path + " cannot be read";
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
  app.add_option("--ca-file", http.ca_file, "Trusted certificates (PEM) instead of the system's [$SSL_CERT_FILE]")
      ->check(pem_fault)
      ->type_name("FILE")
      ->group(kGroup);
  app.add_option("--proxy", http.proxy, "Proxy for https URLs; hosts in no_proxy are reached directly [$https_proxy]")
      ->check(proxy_fault)
      ->type_name("URL")
      ->group(kGroup);
  auto* const cert = app.add_option("--client-cert", http.client_cert, "Client certificate (PEM) for --mtls-host")
                         ->check(pem_fault)
                         ->type_name("FILE")
                         ->group(kGroup);
  app.add_option("--client-key", http.client_key, "Its key (PEM), if it is not in --client-cert")
      ->check(pem_fault)
      ->type_name("FILE")
      ->needs(cert)
      ->group(kGroup);
  auto* const hosts =
      app.add_option("--mtls-host", http.client_cert_hosts, "Host that gets the client certificate (repeatable)")
          ->check(host_fault)
          ->transform([](const std::string& host) { return ascii_lower(host); })
          ->type_name("HOST")
          ->needs(cert)
          ->group(kGroup);
  cert->needs(hosts);
}

void add_logging(CLI::App& app, Options& options) {
  add_choice(app, "--log-level", options.log_level,
             Choices<LogLevel>{{"trace", LogLevel::trace},
                               {"debug", LogLevel::debug},
                               {"info", LogLevel::info},
                               {"warn", LogLevel::warn},
                               {"error", LogLevel::error},
                               {"off", LogLevel::off}},
             "Lowest level that is logged to stderr [warn]");
  add_choice(app, "--log-format", options.log_format,
             Choices<LogFormat>{{"text", LogFormat::text}, {"json", LogFormat::json}}, "Log line format [text]");
}

// Returns the system prompt of the leanspec dialect, escaped. Error: the reason why the file cannot be used.
std::expected<std::string, std::string> read_system_prompt(const std::string& path) {
  constexpr std::size_t kMaxBytes = 1 << 20;
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad() || !file.eof())
    return std::unexpected(text.size() > kMaxBytes ? "it is longer than 1 MiB" : "it cannot be read");
  if (find_invalid_utf8(text)) return std::unexpected("it is not UTF-8");
  std::string escaped;
  append_json_escaped(escaped, trim(text));
  return escaped;
}

// Returns false after printing the reason to stderr.
bool use_system_prompt(const std::string& path, Options& options) {
  if (path.empty() || options.dialect != Dialect::leanspec) return true;
  auto prompt = read_system_prompt(path);
  if (!prompt) {
    std::cerr << "ai-worker: the system prompt file " << path << " cannot be used: " << prompt.error() << '\n';
    return false;
  }
  options.system_prompt = *std::move(prompt);
  return true;
}

}  // namespace

ParsedOptions parse_options(int argc, char** argv) {
  ParsedOptions parsed;
  Options& options = parsed.options;
  options.server.version = options.mcp.client_version = AIW_VERSION;
  if (in_leanspec_mode()) options.dialect = Dialect::leanspec;
  // OpenSSL users expect this variable; libcurl ignores it.
  if (const char* const file = std::getenv("SSL_CERT_FILE")) options.http.ca_file = file;
  // leanspec-http does not pass on arguments of its user.
  std::string system_prompt;
  if (const char* const file = std::getenv("LEANSPEC_SYSTEM_PROMPT_FILE")) system_prompt = file;
  // Fast path for the usual case of no arguments: does not build a parser.
  if (argc == 1) {
    if (!use_system_prompt(system_prompt, options)) parsed.exit_code = kExitUsage;
    return parsed;
  }

  CLI::App app{kDescription, "ai-worker"};
  app.formatter(std::make_shared<HelpFormatter>());
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("ai-worker ") + AIW_VERSION);
  app.add_option("--protocol", "Protocol version")->check(CLI::IsMember({"1"}))->type_name("1");
  add_choice(app, "--dialect", options.dialect, Choices<Dialect>{{"v1", Dialect::v1}, {"leanspec", Dialect::leanspec}},
             "Output dialect [v1; leanspec if LEANSPEC_IPC_MODE=true]");
  app.add_option("--system-prompt-file", system_prompt,
                 "File whose text is the system prompt of the leanspec dialect's chats [LEANSPEC_SYSTEM_PROMPT_FILE]");
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
  // leanspec-http starts its worker as `node <script>`. If both are set to this program, it receives its own path as an
  // argument.
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
  if (!parsed.exit_code && !use_system_prompt(system_prompt, options)) parsed.exit_code = kExitUsage;
  return parsed;
}

}  // namespace aiw
