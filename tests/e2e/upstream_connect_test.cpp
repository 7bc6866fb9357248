// Upstreams that cannot be reached, have the wrong identity, or must not be reached (rows 34 to 41 and 72 of the table
// of faults), and the flags for trust.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>

#include "tests/e2e/temporary_folder.hpp"
#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/tls.hpp"
#include "tests/e2e/upstream.hpp"

namespace aiw::e2e {
namespace {

using tools::Certificate;

const Json kOnce = {{"retry", {{"max", 0}}}};

Json once(const Json& more = Json::object()) {
  Json payload = kOnce;
  payload.update(more);
  return payload;
}

// Returns a chat without a key. A key would not be sent to these names over plain http.
Json plain_chat(const std::string& id, const std::string& url, const Json& payload = kOnce) {
  return chat_line(id, {{"id", "p"}, {"type", "openai-chat"}, {"baseUrl", url}}, payload);
}

const FrameLog& run(TestWorker& worker, const Json& line) {
  worker.send(line);
  return worker.end_of(line.at("id"));
}

std::string message_of(const FrameLog& log) { return log.last().at("data").at("message"); }

// Worker with a resolver that the test controls.
struct Resolving {
  TemporaryFolder folder;
  TestWorker worker;

  explicit Resolving(std::vector<std::string> args = {}, int hang_ms = 20'000, std::vector<std::string> more = {})
      : worker(std::move(args), environment(hang_ms, std::move(more))) {}

  [[nodiscard]] std::vector<std::string> environment(int hang_ms, std::vector<std::string> more) const {
    more.insert(more.end(), {"LD_PRELOAD=" AIW_FAKE_RESOLVER, "FAKE_RESOLVER_LOG=" + folder.path() + "/log",
                             "FAKE_RESOLVER_HANG_MS=" + std::to_string(hang_ms)});
    return more;
  }

  [[nodiscard]] std::size_t count(const std::string& line) const {
    const std::string text = "\n" + folder.read("log");
    std::size_t found = 0;
    for (auto at = text.find("\n" + line + "\n"); at != std::string::npos; at = text.find("\n" + line + "\n", at + 1)) {
      ++found;
    }
    return found;
  }
};

// Port without a listener that no other process can bind.
class TakenPort {
 public:
  TakenPort() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port_ = ntohs(address.sin_port);
  }
  TakenPort(const TakenPort&) = delete;
  TakenPort& operator=(const TakenPort&) = delete;
  ~TakenPort() { ::close(fd_); }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  int fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::uint16_t port_ = 0;
};

int exit_code_of(std::vector<std::string> args, std::vector<std::string> environment, std::string& said) {
  TestWorker worker(std::move(args), std::move(environment));
  worker.process().close_stdin();
  const int code = worker.exit_code();
  said = worker.process().stderr_text();
  return code;
}

// A preloaded library and a sanitizer's runtime must both be the first library.
#define SKIP_IF_SANITIZED() \
  if (kSanitized) return

TEST_CASE("fault 34: a host name that does not exist is dns_error after three look-ups") {
  SKIP_IF_SANITIZED();
  Upstream upstream;
  Resolving r;
  Canary canary(r.worker, upstream, 200);
  const FrameLog& log = run(r.worker, plain_chat("a", "http://gone.test:8000", Json::object()));
  CHECK(log.outcome() == "dns_error");
  CHECK(log.last().at("data").at("category") == "network");
  CHECK(log.last().at("data").at("retryable") == true);
  CHECK(log.count("retry") == 2);
  for (const Json& retry : log.all("retry")) CHECK(retry.at("data").at("reason") == "dns_error");
  CHECK(r.count("lookup gone.test") == 3);
  canary.check();
  CHECK(r.worker.close_and_exit() == 0);
}

TEST_CASE(
    "fault 35: a resolver that hangs is timeout_connect, in a bounded number of threads, and delays no other chat") {
  SKIP_IF_SANITIZED();
  constexpr int kWaves = 8;
  constexpr int kChats = 32;
  Upstream upstream;
  Resolving r;
  Canary canary(r.worker, upstream, 300);
  const auto task_folder = "/proc/" + std::to_string(r.worker.process().pid()) + "/task";
  std::size_t most = 0;
  for (int wave = 0; wave < kWaves; ++wave) {
    const auto id = [&](int i) { return std::to_string(wave) + "-" + std::to_string(i); };
    for (int i = 0; i < kChats; ++i) {
      r.worker.send(plain_chat(id(i), "http://a.n" + id(i) + ".hang:8000", once({{"timeouts", {{"connectMs", 200}}}})));
    }
    for (int i = 0; i < kChats; ++i) CHECK(r.worker.end_of(id(i)).outcome() == "timeout_connect");
    const auto tasks = std::filesystem::directory_iterator(task_folder);
    most = std::max(most, static_cast<std::size_t>(std::distance(begin(tasks), end(tasks))));
  }
  MESSAGE("most threads: " << most);
  CHECK(most > 32);    // hanging look-ups keep their threads
  CHECK(most <= 200);  // three quarters of 256, and the worker's own threads
  canary.check();
  // The exit does not wait for hanging look-ups either.
  CHECK(r.worker.close_and_exit() == 0);
}

TEST_CASE("fault 107: chats that need no look-up, and healthy names, do not wait for names that hang") {
  SKIP_IF_SANITIZED();
  Upstream upstream;
  Upstream other;
  for (Upstream* server : {&upstream, &other}) server->answer("p", {event_stream(openai_answer({"hi"}))});
  Resolving r({"--drain-ms", "0"}, 600'000);
  const auto outcome = [&](const std::string& id, const std::string& host, const Upstream& server) {
    const auto url = "http://" + host + ":" + std::to_string(server.port()) + "/p";
    return run(r.worker, plain_chat(id, url)).outcome();
  };
  REQUIRE(outcome("first", "127.0.0.1", upstream) == "done");
  REQUIRE(outcome("known", "127-0-0-1.ip.test", upstream) == "done");
  int sent = 0;
  const auto hang = [&](int count, const std::string& domain) {
    for (int i = 0; i < count; ++i, ++sent) {
      const auto id = "h" + std::to_string(sent);
      r.worker.send(plain_chat(id, "http://" + id + domain + ":8000", once({{"timeouts", {{"connectMs", 600'000}}}})));
    }
  };
  // Names of one domain hang: the look-ups of one domain are limited.
  hang(300, ".hang.test");
  CHECK(outcome("new name", "127-0-0-2-and-127-0-0-1.ip.test", upstream) == "done");
  // Names of a hundred domains hang: some look-ups are still free.
  for (int i = 0; i < 100; ++i) hang(1, ".d" + std::to_string(i) + ".hang");
  CHECK(outcome("another new name", "127-0-0-3-and-127-0-0-1.ip.test", upstream) == "done");
  // Names of more domains hang than there are look-ups for new names.
  for (int i = 100; i < 400; ++i) hang(1, ".d" + std::to_string(i) + ".hang");
  CHECK(outcome("address", "127.0.0.1", upstream) == "done");
  CHECK(outcome("new address", "127.0.0.1", other) == "done");
  CHECK(outcome("localhost", "localhost", other) == "done");
  CHECK(outcome("kept or cached name", "127-0-0-1.ip.test", upstream) == "done");
  CHECK(outcome("known name of another port", "127-0-0-1.ip.test", other) == "done");
  for (int i = 0; i < sent; ++i) CHECK_FALSE(r.worker.log("h" + std::to_string(i)).ended);
  CHECK(r.count("lookup 127-0-0-1.ip.test") == 2);
  r.worker.process().send_signal(SIGTERM);
  CHECK(r.worker.exit_code() == 75);
}

TEST_CASE("fault 107: chats with the same host share one look-up") {
  SKIP_IF_SANITIZED();
  Upstream upstream;
  upstream.answer("p", {event_stream(openai_answer({"hi"}))});
  Resolving r;
  constexpr int kChats = 50;
  const auto url = "http://127-0-0-1.ip.test:" + std::to_string(upstream.port()) + "/p";
  for (int i = 0; i < kChats; ++i) r.worker.send(plain_chat(std::to_string(i), url));
  for (int i = 0; i < kChats; ++i) CHECK(r.worker.end_of(std::to_string(i)).outcome() == "done");
  // There is a second look-up if chats start between the end of the first one and the first connection.
  CHECK(r.count("lookup 127-0-0-1.ip.test") >= 1);
  CHECK(r.count("lookup 127-0-0-1.ip.test") <= 2);
  CHECK(r.worker.close_and_exit() == 0);
}

TEST_CASE("fault 107: behind a proxy only the names of the proxy and of hosts in no_proxy are looked up") {
  SKIP_IF_SANITIZED();
  Upstream upstream;  // refuses to be a proxy
  const std::string port = std::to_string(upstream.port());
  Resolving r({"--proxy", "http://127-0-0-1.ip.test:" + port}, 20'000, {"no_proxy=127-0-0-2.ip.test"});
  CHECK(run(r.worker, plain_chat("a", "https://gone.test/v1")).outcome() == "connect_error");
  CHECK(r.count("lookup 127-0-0-1.ip.test") == 1);
  CHECK(r.count("lookup gone.test") == 0);
  CHECK(run(r.worker, plain_chat("b", "https://127-0-0-2.ip.test:" + port + "/v1")).outcome() != "dns_error");
  CHECK(r.count("lookup 127-0-0-2.ip.test") == 1);
  CHECK(r.count("connect 127.0.0.2") == 1);
  CHECK(r.worker.close_and_exit() == 0);
}

TEST_CASE("fault 36: a refused connection is connect_error after two retries") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 200);
  const TakenPort port;
  const FrameLog& log = run(worker, plain_chat("a", port.url(), Json::object()));
  CHECK(log.outcome() == "connect_error");
  CHECK(log.types() == std::vector<std::string>{"start", "retry", "retry", "error"});
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 37: a host that does not respond at all is timeout_connect") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 60);
  const DeafListener deaf(true);
  const FrameLog& log = run(worker, plain_chat("a", deaf.url(), once({{"timeouts", {{"connectMs", 300}}}})));
  CHECK(log.outcome() == "timeout_connect");
  CHECK(log.last().at("data").at("category") == "timeout");
  CHECK(log.last().at("data").at("retryable") == true);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 38: a certificate that is self-signed, expired or for another host is tls_error, and is not retried") {
  const Certificates certificates;
  Upstream upstream;
  upstream.answer("p", {event_stream(openai_answer({"trusted"}))});
  TestWorker worker({"--ca-file", certificates.ca_file});
  Canary canary(worker, upstream, 60);
  struct Case {
    const char* name;
    Certificate identity;
    const char* reason;
  };
  const Case cases[] = {
      {"self-signed", tools::make_certificate({.names = {"IP:127.0.0.1"}}), "self-signed"},
      {"other host", tools::make_certificate({.names = {"DNS:other.example"}}, &certificates.authority), "127.0.0.1"},
      {"expired", tools::make_certificate({.names = {"IP:127.0.0.1"}, .days = -2}, &certificates.authority), "expired"},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    const auto front = front_of(upstream, {.identity = row.identity});
    const FrameLog& log = run(worker, plain_chat(row.name, front->url() + "/p", Json::object()));
    CHECK(log.outcome() == "tls_error");
    CHECK(log.last().at("data").at("retryable") == false);
    CHECK(log.count("retry") == 0);
    CHECK_MESSAGE(message_of(log).find(row.reason) != std::string::npos, message_of(log));
    CHECK(front->seen().connections == 1);
  }
  CHECK(upstream.count("p") == 0);
  const auto front = front_of(upstream, {.identity = certificates.good});
  CHECK(run(worker, plain_chat("good", front->url() + "/p")).text() == "trusted");
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 39: a TLS handshake that hangs, also with a plain HTTP server, is timeout_connect") {
  Upstream upstream;
  TestWorker worker;
  Canary canary(worker, upstream, 60);
  const DeafListener deaf(false);
  const std::string silent = "https" + deaf.url().substr(4);
  CHECK(run(worker, plain_chat("a", silent, once({{"timeouts", {{"connectMs", 300}}}}))).outcome() ==
        "timeout_connect");
  const std::string plain = "https" + upstream.base_url("p").substr(4);
  CHECK(run(worker, plain_chat("b", plain, once({{"timeouts", {{"connectMs", 300}}}}))).outcome() == "timeout_connect");
  CHECK(upstream.count("p") == 0);
  // The reverse case: the response is not HTTP.
  const Certificates certificates;
  const auto front = front_of(upstream, {.identity = certificates.good});
  const FrameLog& log = run(worker, plain_chat("c", "http" + front->url().substr(5) + "/p"));
  CHECK((log.outcome() == "bad_response" || log.outcome() == "upstream_reset"));
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE(
    "fault 40: when descriptors run out, chats get overloaded or resource_exhausted, never a refused connection") {
  Upstream upstream;
  TestWorker worker = TestWorker::under_shell("ulimit -n 64; exec \"$0\"");
  Canary canary(worker, upstream, 200);
  upstream.answer("p", {paced({text_event("one"), text_event("two"), openai_ending()}, Milliseconds(300))});
  constexpr int kChats = 90;
  for (int i = 0; i < kChats; ++i) worker.send(upstream.chat(std::to_string(i), "p", kOnce));
  std::size_t done = 0;
  for (int i = 0; i < kChats; ++i) {
    const std::string id = std::to_string(i);
    REQUIRE(worker.read_until([&] { return worker.log(id).ended || worker.log(id).count("rejected") > 0; }));
    const FrameLog& log = worker.log(id);
    const std::string code = log.last().at("type") == "done" ? "done" : log.last().at("data").at("code");
    CHECK((code == "done" || code == "resource_exhausted" || code == "overloaded"));
    done += code == "done" ? 1 : 0;
  }
  CHECK(done >= 20);
  canary.check();
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("fault 41: metadata services are never reached under any name, and get no packet") {
  SKIP_IF_SANITIZED();
  Upstream upstream;
  upstream.answer("p", {event_stream(openai_answer({"reached"}))});
  Resolving r;
  Canary canary(r.worker, upstream, 60);
  const std::string hosts[] = {"169.254.169.254",
                               "0251.0376.0251.0376",
                               "2852039166",
                               "0xa9fea9fe",
                               "[::ffff:169.254.169.254]",
                               "[fd00:ec2::254]",
                               "168.63.129.16",
                               "100.100.100.200",
                               "169-254-169-254.ip.test",
                               "169-254-170-2-and-168-63-129-16.ip.test"};
  for (const std::string& host : hosts) {
    CAPTURE(host);
    const FrameLog& log = run(r.worker, plain_chat(host, "http://" + host + "/latest", Json::object()));
    CHECK(log.outcome() == "egress_denied");
    CHECK(log.last().at("data").at("category") == "permission");
    CHECK(log.count("retry") == 0);
  }
  // A name that also has an allowed address leads only there.
  const std::string port = std::to_string(upstream.port());
  const std::string both = "http://169-254-169-254-and-127-0-0-1.ip.test:" + port + "/p";
  CHECK(run(r.worker, plain_chat("both", both)).text() == "reached");
  const std::string seen = r.folder.read("log");
  for (const char* address : {"connect 169.", "connect 168.", "connect 100.", "connect ::ffff:169.", "connect fd00"}) {
    CAPTURE(address);
    CHECK(seen.find(address) == std::string::npos);
  }
  CHECK(r.count("connect 127.0.0.1") >= 1);  // shows that the log records connections
  canary.check();
  CHECK(r.worker.close_and_exit() == 0);
}

TEST_CASE("fault 41: under --egress public no private address is reached under any name") {
  SKIP_IF_SANITIZED();
  Upstream upstream;
  Resolving r({"--egress", "public"});
  const std::string port = std::to_string(upstream.port());
  for (const char* host :
       {"127.0.0.1", "127.1", "0177.0.0.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0",
        "localhost", "127-0-0-1.ip.test", "10-0-0-1-and-127-0-0-1.ip.test", "192-168-1-1.ip.test"}) {
    CAPTURE(host);
    CHECK(run(r.worker, plain_chat(host, "http://" + std::string(host) + ":" + port + "/p")).outcome() ==
          "egress_denied");
  }
  CHECK(r.folder.read("log").find("connect ") == std::string::npos);
  CHECK(upstream.open_connections() == 0);
  CHECK(r.worker.close_and_exit() == 0);
}

TEST_CASE("fault 72: HTTP/2 is not offered, and a server that prefers it gets HTTP/1.1") {
  const Certificates certificates;
  Upstream upstream;
  upstream.answer("p", {event_stream(openai_answer({"one"}))});
  const auto front = front_of(upstream, {.identity = certificates.good, .offer_h2 = true});
  TestWorker worker({"--ca-file", certificates.ca_file});
  CHECK(run(worker, plain_chat("a", front->url() + "/p")).text() == "one");
  CHECK(front->seen().alpn == std::vector<std::string>{"http/1.1"});
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("a TLS version before 1.2 is not accepted") {
  const Certificates certificates;
  Upstream upstream;
  const auto front = front_of(upstream, {.identity = certificates.good, .max_version = TLS1_1_VERSION});
  TestWorker worker(
      {"--ca-file", certificates.ca_file},
      // Holds even if the OpenSSL configuration allows old versions.
      {"OPENSSL_CONF=" + certificates.folder.write("openssl.cnf",
                                                   "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = "
                                                   "c\n[c]\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n")});
  CHECK(run(worker, plain_chat("a", front->url() + "/p")).outcome() == "tls_error");
  CHECK(front->seen().handshakes == 0);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("SSL_CERT_FILE selects the trusted certificates, and --ca-file takes precedence") {
  const Certificates certificates;
  const Certificates others;
  Upstream upstream;
  upstream.answer("p", {event_stream(openai_answer({"trusted"}))});
  const auto front = front_of(upstream, {.identity = certificates.good});
  const auto outcome = [&](std::vector<std::string> args, const std::string& file) {
    TestWorker worker(std::move(args), {"SSL_CERT_FILE=" + file});
    const std::string code = run(worker, plain_chat("a", front->url() + "/p")).outcome();
    CHECK(worker.close_and_exit() == 0);
    return code;
  };
  CHECK(outcome({}, certificates.ca_file) == "done");
  CHECK(outcome({}, others.ca_file) == "tls_error");
  CHECK(outcome({}, "/no/such/file") == "tls_error");
  CHECK(outcome({"--ca-file", certificates.ca_file}, others.ca_file) == "done");
  CHECK(outcome({"--ca-file", others.ca_file}, certificates.ca_file) == "tls_error");
}

TEST_CASE("a client certificate is sent to the hosts that are named, and to no others") {
  const Certificates certificates;
  const Certificate client = tools::make_certificate({.common_name = "the worker"}, &certificates.authority);
  const std::string cert = certificates.folder.write("client.pem", client.cert);
  const std::string key = certificates.folder.write("client.key", client.key);
  const std::string both = certificates.folder.write("both.pem", client.cert + client.key);
  Upstream upstream;
  upstream.answer("p", {event_stream(openai_answer({"let in"}))});
  const auto front =
      front_of(upstream, {.identity = certificates.good, .client_authority = certificates.authority.cert});
  for (const auto& files : {std::vector<std::string>{"--client-cert", cert, "--client-key", key},
                            std::vector<std::string>{"--client-cert", both}}) {
    std::vector<std::string> args = {"--ca-file", certificates.ca_file, "--mtls-host", "LOCALHOST"};
    args.insert(args.end(), files.begin(), files.end());
    TestWorker worker(args);
    CHECK(run(worker, plain_chat("named", front->url("localhost") + "/p")).text() == "let in");
    CHECK(front->seen().client_name == "the worker");
    const std::size_t before = upstream.count("p");
    const FrameLog& log = run(worker, plain_chat("other", front->url() + "/p"));
    CHECK(log.outcome() != "done");
    CHECK(upstream.count("p") == before);
    CHECK(worker.close_and_exit() == 0);
  }
}

TEST_CASE("an https proxy gets CONNECT without a key, and no request for the hosts in no_proxy") {
  Upstream proxy;  // refuses to be a proxy
  Upstream upstream;
  upstream.answer("p", {event_stream(openai_answer({"direct"}))});
  TestWorker worker({"--proxy", "http://127.0.0.1:" + std::to_string(proxy.port())}, {"no_proxy=127.0.0.1"});
  const Json provider = {{"id", "p"},
                         {"type", "openai-chat"},
                         {"baseUrl", "https://api.example.invalid/v1"},
                         {"apiKey", "sk-canary-of-the-proxy"}};
  CHECK(run(worker, chat_line("a", provider, kOnce)).outcome() == "connect_error");
  const auto seen = proxy.requests("pi.example.invalid:443");  // the "path" of CONNECT is the authority
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].method == "CONNECT");
  CHECK(seen[0].header("authorization").empty());
  CHECK(run(worker, upstream.chat("b", "p", kOnce)).text() == "direct");  // no proxy for plain http
  const Certificates certificates;
  const auto front = front_of(upstream, {.identity = certificates.good});
  CHECK(run(worker, plain_chat("c", front->url() + "/p")).outcome() == "tls_error");  // bypassed the proxy
  CHECK(front->seen().connections == 1);
  CHECK(worker.close_and_exit() == 0);
}

TEST_CASE("unusable files and invalid flags end the start with exit code 64 and a message") {
  const Certificates certificates;
  const std::string text = certificates.folder.write("text", "no certificate\n");
  const std::string& good = certificates.ca_file;
  const std::vector<std::vector<std::string>> bad = {{"--ca-file", "/no/such/file"},
                                                     {"--ca-file", text},
                                                     {"--ca-file", "/"},
                                                     {"--client-cert", good},
                                                     {"--client-key", good},
                                                     {"--mtls-host", "localhost"},
                                                     {"--proxy", "ftp://127.0.0.1"},
                                                     {"--client-cert", text, "--mtls-host", "localhost"},
                                                     {"--allow-file", text},
                                                     {"--allow-file", "/no/such/folder"}};
  for (const auto& args : bad) {
    CAPTURE(args.front());
    std::string said;
    CHECK(exit_code_of(args, {}, said) == 64);
    CHECK(said.find(args.front()) != std::string::npos);
  }
  std::string said;
  CHECK(exit_code_of({"--client-cert", good, "--client-key", good, "--mtls-host", "localhost"}, {}, said) == 0);
}

}  // namespace
}  // namespace aiw::e2e
