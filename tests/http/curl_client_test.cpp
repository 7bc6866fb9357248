#include "worker/http/curl_client.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/http/test_server.hpp"
#include "tools/support/codings.hpp"
#include "tools/support/tls_front.hpp"
#include "worker/base/memory_account.hpp"
#include "worker/io/loop.hpp"

namespace {

using namespace std::chrono_literals;
using aiw::CurlClientOptions;
using aiw::Error;
using aiw::HttpClient;
using aiw::HttpLimits;
using aiw::HttpRequest;
using aiw::HttpTransfer;
using aiw::Loop;
using aiw::ResponseHead;
using aiw::test::Connection;
using aiw::test::run_until_stopped;
using aiw::test::Server;

// Keeps what it is told; a test may add to each call.
struct Recorder : aiw::HttpHandler {
  std::optional<ResponseHead> head;
  std::string body;
  std::optional<Error> error;
  int ends = 0;
  std::function<void()> then_head;
  std::function<void()> then_body;
  std::function<void()> then_end;

  void on_head(const ResponseHead& it) override {
    CHECK_FALSE(head);
    CHECK(body.empty());
    head = it;
    if (then_head) then_head();
  }
  void on_body(std::string_view bytes) override {
    CHECK(head);
    CHECK(ends == 0);
    body += bytes;
    if (then_body) then_body();
  }
  void on_end(const Error* it) override {
    ++ends;
    if (it != nullptr) error = *it;
    if (then_end) then_end();
  }
};

HttpRequest post(std::string url, std::string_view body = "{}") {
  HttpRequest request;
  request.url = std::move(url);
  request.headers = {{"Content-Type", "application/json"}, {"Authorization", "Bearer canary", true}};
  request.body.append(body);
  return request;
}

// One exchange to its end.
Recorder exchange(HttpRequest request, const CurlClientOptions& options = {}, const HttpLimits& limits = {}) {
  Loop loop;
  const auto client = aiw::make_curl_client(loop, options);
  Recorder recorder;
  recorder.then_end = [&] { loop.stop(); };
  const auto transfer = client->start(std::move(request), limits, recorder);
  CHECK(recorder.ends == 0);
  CHECK(run_until_stopped(loop));
  CHECK(recorder.ends == 1);
  if (recorder.error) {
    CHECK_FALSE(recorder.error->message.empty());
    CHECK(recorder.error->message.find("canary") == std::string::npos);
  }
  recorder.then_end = nullptr;
  return recorder;
}

// What a server that reads the request and then answers so yields.
Recorder answered(std::string_view bytes, bool reset = false, const HttpLimits& limits = {}) {
  const Server server([=](Connection& connection) {
    connection.request();
    connection.send(bytes);
    if (reset) {
      std::this_thread::sleep_for(20ms);  // so that the bytes are read before the RST throws them away
      connection.reset();
    }
  });
  return exchange(post(server.url("/v1?key=canary")), {}, limits);
}

std::string code_of(const Recorder& recorder) { return recorder.error ? recorder.error->code : "none"; }

std::string pattern(std::size_t size) {
  std::string out(size, ' ');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>('a' + i * 31 % 26 + (i / 1000) % 3);
  return out;
}

}  // namespace

TEST_CASE("a request arrives as given and its answer is told in order") {
  std::string got;
  const Server server([&](Connection& connection) {
    got = connection.request();
    connection.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Twice: 1\r\nX-TWICE:  2 \r\n"
        "Content-Length: 5\r\n\r\nhello");
  });
  const auto result = exchange(post(server.url("/a/../b?x=1"), R"({"a":1})"));
  CHECK(got.starts_with("POST /a/../b?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
  CHECK(got.find("\r\nContent-Type: application/json\r\n") != std::string::npos);
  CHECK(got.find("\r\nAuthorization: Bearer canary\r\n") != std::string::npos);
  CHECK(got.find("Expect") == std::string::npos);
  CHECK(got.ends_with("\r\n\r\n{\"a\":1}"));
  REQUIRE(result.head);
  CHECK(result.head->status == 200);
  CHECK(result.head->headers ==
        std::vector<std::pair<std::string, std::string>>{
            {"content-type", "text/event-stream"}, {"x-twice", "1"}, {"x-twice", "2"}, {"content-length", "5"}});
  CHECK(result.body == "hello");
  CHECK(code_of(result) == "none");
}

TEST_CASE("GET has no body and no content type") {
  std::string got;
  const Server server([&](Connection& connection) {
    got = connection.request();
    connection.send("HTTP/1.1 204 No Content\r\n\r\n");
  });
  HttpRequest request;
  request.method = "GET";
  request.url = server.url("/models");
  const auto result = exchange(std::move(request));
  CHECK(got.starts_with("GET /models HTTP/1.1\r\n"));
  CHECK(got.find("Content-") == std::string::npos);
  CHECK(result.head->status == 204);
  CHECK(code_of(result) == "none");
}

TEST_CASE("a large body arrives whole from its rope") {
  std::string got;
  const Server server([&](Connection& connection) {
    got = connection.request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  const std::string large = pattern(10 << 20);
  for (const std::size_t size : {std::size_t{0}, std::size_t{60 << 10}, (std::size_t{60} << 10) + 1, large.size()}) {
    CAPTURE(size);
    auto request = post(server.url(), "[");
    request.body.splice(std::string_view(large).substr(0, size));
    request.body.append("]");
    const auto result = exchange(std::move(request));
    CHECK(code_of(result) == "none");
    CHECK((got.substr(got.find("\r\n\r\n") + 4) == "[" + large.substr(0, size) + "]"));
  }
}

TEST_CASE("informational heads are skipped and trailers are not heads") {
  const auto result = answered(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nFolded: a\r\n b\r\n\r\n3\r\nabc\r\n0\r\nTrailer: t\r\n\r\n");
  REQUIRE(result.head);
  CHECK(result.head->status == 200);
  CHECK(result.head->header("link").empty());
  CHECK(result.head->header("folded") == "a b");
  CHECK(result.head->header("trailer").empty());
  CHECK(result.body == "abc");
  CHECK(code_of(result) == "none");
}

TEST_CASE("a redirect is an ordinary head") {
  const auto result = answered("HTTP/1.1 307 T\r\nLocation: http://other/\r\nContent-Length: 0\r\n\r\n");
  CHECK(result.head->status == 307);
  CHECK(result.head->header("location") == "http://other/");
  CHECK(code_of(result) == "none");
}

TEST_CASE("each way a response can go wrong has its code") {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string sized = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
  CHECK(code_of(answered("")) == "upstream_reset");
  CHECK(code_of(answered("", true)) == "upstream_reset");
  CHECK(code_of(answered("HTTP/1.1 200 OK\r\nContent-")) == "upstream_reset");
  CHECK(code_of(answered(chunked + "3\r\nabc\r\n", true)) == "upstream_reset");
  CHECK(code_of(answered(chunked + "3\r\nabc\r\n")) == "truncated_stream");
  CHECK(code_of(answered(sized + "abc")) == "truncated_stream");
  CHECK(code_of(answered("HTTP/1.1 200 OK\r\n\r\nabc")) == "none");  // a close is the frame here
  CHECK(code_of(answered(chunked + "zz\r\nabc\r\n")) == "upstream_reset");
  CHECK(code_of(answered("garbage\r\n\r\n")) == "bad_response");
  CHECK(code_of(answered("HTTP/3.7 200 OK\r\n\r\n")) == "bad_response");
  CHECK(code_of(answered("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")) == "bad_response");
  CHECK(code_of(answered(std::string("HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", 27))) == "bad_response");
  CHECK(code_of(answered("HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'x') + "\r\n\r\n")) == "bad_response");
  std::string endless = "HTTP/1.1 200 OK\r\n";
  while (endless.size() < 400'000) endless += "X-Filler: " + std::string(80, 'x') + "\r\n";
  CHECK(code_of(answered(endless)) == "bad_response");
  CHECK(code_of(answered("HTTP/1.1 200 OK\r\nContent-Encoding: rot13\r\n\r\nabc")) == "bad_encoding");
  CHECK(code_of(answered("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nabc")) == "bad_encoding");
  CHECK(code_of(answered("HTTP/1.1  500 Oops\r\nX: 200 OK\r\nContent-Length: 0\r\n\r\n")) == "bad_response");
  CHECK(code_of(answered("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n")) == "bad_response");
  CHECK(code_of(answered("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 1\r\n\r\nabc")) == "bad_response");
  CHECK(answered("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc").body == "abc");
}

TEST_CASE("what arrived before a fault was told") {
  const auto result = answered("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  CHECK(result.head->status == 200);
  CHECK(result.body == "abc");
  CHECK(result.error->category == aiw::Category::upstream);
  CHECK(result.error->retryable);
}

TEST_CASE("a refused connection, an unknown name and a bad URL have their codes") {
  int port = 0;
  {
    const Server gone([](Connection&) {});
    port = gone.port();
  }
  const auto refused = exchange(post("http://127.0.0.1:" + std::to_string(port) + "/canary"));
  CHECK(code_of(refused) == "connect_error");
  CHECK(refused.error->retryable);
  CHECK(refused.error->message.find("(127.0.0.1:") != std::string::npos);
  CHECK(code_of(exchange(post("http://name.invalid/"))) == "dns_error");
  CHECK(code_of(exchange(post("http://exa mple/"))) == "invalid_url");
  CHECK(code_of(exchange(post("file:///etc/hostname"))) == "invalid_url");
  CHECK(code_of(exchange(post("http://user:canary@127.0.0.1/"))) == "invalid_url");
}

TEST_CASE("the connect timeout covers a handshake that hangs") {
  const Server silent([](Connection& connection) { connection.closed_by_client(); });
  const auto result =
      exchange(post("https://127.0.0.1:" + std::to_string(silent.port()) + "/"), {}, {.connect_timeout = 50ms});
  CHECK(code_of(result) == "timeout_connect");
  CHECK(result.error->category == aiw::Category::timeout);
}

TEST_CASE("a TLS handshake that breaks may be retried") {
  const Server gone([](Connection&) {});
  const auto result = exchange(post("https://127.0.0.1:" + std::to_string(gone.port()) + "/"));
  CHECK(result.error->retryable);
}

TEST_CASE("fault 39: a server that speaks no TLS is said to, and is not asked again") {
  for (const char* words : {"HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "220 mail ready\r\n"}) {
    const Server plain([&](Connection& connection) { connection.send(words); });
    const auto result = exchange(post("https://127.0.0.1:" + std::to_string(plain.port()) + "/canary"));
    CHECK(code_of(result) == "tls_error");
    CHECK_FALSE(result.error->retryable);
    CHECK(result.error->message == "the server does not speak TLS: is its URL http:// and not https://? (127.0.0.1:" +
                                       std::to_string(plain.port()) + ")");
  }
}

TEST_CASE("a certificate that nobody vouches for is refused for good, a trusted one serves") {
  std::string folder = "/tmp/aiw_tls_XXXXXX";
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  const std::string in_folder = "cd " + folder + " && ";
  const auto make = in_folder +
                    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem "
                    "-out cert.pem -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>/dev/null";
  if (std::system(make.c_str()) != 0) {
    MESSAGE("skipped: needs the openssl command");
    return;
  }
  // Serves two connections and ends.
  const auto serve = in_folder +
                     "timeout 60 openssl s_server -accept 127.0.0.1:0 -naccept 2 -cert cert.pem -key key.pem -www "
                     "2>/dev/null";
  FILE* const server = popen(serve.c_str(), "r");
  REQUIRE(server != nullptr);
  std::array<char, 256> line{};
  std::string url;
  while (url.empty() && std::fgets(line.data(), line.size(), server) != nullptr) {
    const std::string_view text = line.data();
    if (!text.starts_with("ACCEPT 127.0.0.1:")) continue;
    url = "https://" + std::string(text.substr(7, text.find_last_not_of("\r\n") - 6)) + "/canary";
  }
  REQUIRE_FALSE(url.empty());
  const auto get = [&] {
    HttpRequest request;
    request.method = "GET";
    request.url = url;
    return request;
  };
  const auto refused = exchange(get());
  CHECK(code_of(refused) == "tls_error");
  CHECK_FALSE(refused.error->retryable);
  CHECK(refused.error->message.find("self") != std::string::npos);  // the reason: self-signed
  CHECK(refused.error->message.find("--ca-file") != std::string::npos);
  const auto served = exchange(get(), {.ca_file = folder + "/cert.pem"});
  CHECK(code_of(served) == "none");
  CHECK(served.head->status == 200);
  pclose(server);
  CHECK(std::system(("rm -r " + folder).c_str()) == 0);
}

TEST_CASE("no connection goes to a metadata service, nor to private addresses under public egress") {
  CHECK(code_of(exchange(post("http://169.254.169.254/latest/"))) == "egress_denied");
  CHECK(code_of(exchange(post("http://[::ffff:169.254.169.254]/"))) == "egress_denied");
  const Server server([](Connection&) {});
  const auto port = std::to_string(server.port());
  for (const char* host :
       {"127.0.0.1", "127.1", "0177.0.0.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "0.0.0.0", "localhost"}) {
    CAPTURE(host);
    const auto result =
        exchange(post("http://" + std::string(host) + ":" + port + "/"), {.egress = aiw::Egress::public_only});
    CHECK(code_of(result) == "egress_denied");
  }
  CHECK(server.connections() == 0);
}

TEST_CASE("plain http never goes through a proxy") {
  setenv("http_proxy", "http://127.0.0.1:1/", 1);
  setenv("all_proxy", "http://127.0.0.1:1/", 1);
  CHECK(code_of(answered("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) == "none");
  unsetenv("http_proxy");
  unsetenv("all_proxy");
}

TEST_CASE("https goes through https_proxy by CONNECT, which sees no key") {
  std::string got;
  const Server proxy([&](Connection& connection) {
    got = connection.request();
    connection.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  });
  setenv("https_proxy", proxy.url("").c_str(), 1);
  const auto result = exchange(post("https://api.example.invalid/v1"));
  unsetenv("https_proxy");
  CHECK(got.starts_with("CONNECT api.example.invalid:443 HTTP/1.1\r\n"));
  CHECK(got.find("canary") == std::string::npos);
  CHECK(code_of(result) == "connect_error");
  CHECK(result.error->message == "the proxy 127.0.0.1:" + std::to_string(proxy.port()) +
                                     " refused to connect (HTTP 403) (api.example.invalid:443)");
  CHECK_FALSE(result.head);
}

TEST_CASE("fault 119: a proxy's response to CONNECT that does not end is given up") {
  const std::string heads[] = {"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 99999999999\r\n\r\n",
                               "HTTP/1.1 407 No\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\n"};
  std::string rest;  // of a chunked body, or headers
  while (rest.size() < 65536) rest += "1\r\nx\r\na:b\r\na:b\r\n";
  for (const auto& head : heads) {
    CAPTURE(head);
    bool gone = false;
    {
      const Server proxy([&](Connection& connection) {
        connection.request();
        connection.send(head);
        for (int i = 0; i < 1000 && !gone; ++i) gone = !connection.send(rest);
      });
      const auto result = exchange(post("https://api.example.invalid/v1"), {.proxy = proxy.url("")});
      CHECK(code_of(result) == "connect_error");
      const bool refused = head.find("407") != std::string::npos;
      CHECK(result.error->message ==
            "the proxy 127.0.0.1:" + std::to_string(proxy.port()) +
                (refused ? " refused to connect (HTTP 407)" : " did not connect: proxy handshake error") +
                " (api.example.invalid:443)");
    }
    CHECK(gone);
  }
}

TEST_CASE("a proxy that cannot be used is named, without its password") {
  const auto through = [](const std::string& proxy, const HttpLimits& limits = {}) {
    return exchange(post("https://api.example.invalid/v1"), {.proxy = proxy}, limits);
  };
  int port = 0;
  {
    const Server gone([](Connection&) {});
    port = gone.port();
  }
  const std::string address = "127.0.0.1:" + std::to_string(port);
  const auto dead = through("http://user:canary@" + address);
  CHECK(code_of(dead) == "connect_error");
  CHECK(dead.error->message.starts_with("the proxy " + address + " cannot be reached: "));
  CHECK(dead.error->message.find("canary") == std::string::npos);
  const auto unknown = through("http://proxy.invalid:3128");
  CHECK(code_of(unknown) == "dns_error");
  CHECK(unknown.error->message ==
        "the proxy proxy.invalid:3128 has a name that cannot be resolved (api.example.invalid:443)");
  const Server silent([](Connection& connection) { connection.closed_by_client(); });
  const auto late = through(silent.url(""), {.connect_timeout = 50ms});
  CHECK(code_of(late) == "timeout_connect");
  CHECK(late.error->message.starts_with("the proxy 127.0.0.1:" + std::to_string(silent.port()) + " did not answer"));
  setenv("no_proxy", "other.example", 1);  // then only curl's words tell whom it asked
  const auto excepted = through("http://" + address);
  unsetenv("no_proxy");
  CHECK(excepted.error->message.starts_with("the proxy " + address + " cannot be reached: "));
}

TEST_CASE("fault 60: a body beyond its cap, or unpacked beyond all measure, is refused") {
  const HttpLimits limits{.max_body_bytes = 1000};
  const auto plain = answered("HTTP/1.1 200 OK\r\n\r\n" + std::string(5000, 'x'), false, limits);
  CHECK(code_of(plain) == "response_too_large");
  CHECK(plain.body.size() <= 1000);
  // A gzip member whose dynamic Huffman codes make "258 more zeros" two bits long: 1032:1 from here on.
  constexpr unsigned char kBomb[] = {0x1f, 0x8b, 8, 0, 0,    0,    0,    0,    2,    3, 0xed, 0xc1, 0x31,
                                     1,    0,    0, 0, 0xc2, 0xa0, 0xf5, 0x4f, 0x6d, 8, 0x5f, 0xa0};
  std::string bomb = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
  bomb.append(reinterpret_cast<const char*>(kBomb), sizeof kBomb).append(1 << 20, '\0');
  const auto unpacked = answered(bomb, false, {.max_body_bytes = std::uint64_t{1} << 40});
  CHECK(code_of(unpacked) == "response_too_large");
  CHECK(unpacked.body.size() < (64 << 20));
}

TEST_CASE("fault 59: gzip's members, and deflate with zlib's frame and without, are unpacked; what is cut is no end") {
  const auto coded = [](const char* coding, const std::string& body) {
    return answered("HTTP/1.1 200 OK\r\nContent-Encoding: " + std::string(coding) +
                    "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  };
  const std::string text = pattern(200'000);
  for (const auto& [coding, body] :
       {std::pair{"gzip", aiw::tools::gzip(text)}, std::pair{"x-gzip", aiw::tools::gzip(text)},
        std::pair{"GZIP", aiw::tools::gzip(text.substr(0, 7)) + aiw::tools::gzip(text.substr(7))},
        std::pair{"deflate", aiw::tools::deflate(text)}, std::pair{"deflate", aiw::tools::zlib(text)}}) {
    CAPTURE(coding);
    const auto whole = coded(coding, body);
    CHECK(code_of(whole) == "none");
    CHECK((whole.body == text));
    CHECK(code_of(coded(coding, body.substr(0, body.size() - 2))) == "truncated_stream");
    CHECK(code_of(coded(coding, body + "x")) != "none");
  }
  CHECK(code_of(coded("gzip", "")) == "none");
  CHECK(code_of(coded("br", text)) == "bad_encoding");
  CHECK(code_of(coded("gzip, gzip", aiw::tools::gzip(aiw::tools::gzip(text)))) == "bad_encoding");
  // Nobody asked for it, and curl would unpack it without asking.
  CHECK(code_of(answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")) == "bad_response");
  for (const std::string blank : {" ", "\t"}) {  // curl would not know these names
    CHECK(code_of(answered("HTTP/1.1 200 OK\r\nContent-Length" + blank + ": 100\r\n\r\nhalf")) == "bad_response");
    CHECK(code_of(answered("HTTP/1.1 200 OK\r\nTransfer-Encoding" + blank + ": chunked\r\n\r\n4\r\nhalf")) ==
          "bad_response");
  }
}

TEST_CASE("a paused exchange gets no body until it is resumed, and then all of it") {
  const std::string body = pattern(3 << 20);
  const Server server([&](Connection& connection) {
    connection.request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
    connection.send(body);
  });
  Loop loop;
  const auto client = aiw::make_curl_client(loop, {});
  Recorder recorder;
  std::unique_ptr<HttpTransfer> transfer;
  std::unique_ptr<aiw::Timer> timer;
  std::size_t seen = 0;
  int pauses = 0;
  const auto pause = [&] {
    if (pauses == 5) return;
    ++pauses;
    transfer->set_paused(true);
    seen = recorder.body.size();
    timer = loop.call_at(loop.now() + 10ms, [&] {
      CHECK(recorder.body.size() == seen);
      CHECK(recorder.ends == 0);
      transfer->set_paused(false);
      transfer->set_paused(true);
      transfer->set_paused(false);
      CHECK(recorder.body.size() == seen);  // resuming calls nothing back by itself
    });
  };
  recorder.then_head = pause;
  recorder.then_body = [&] {
    if (recorder.body.size() > seen + 500'000) pause();
  };
  recorder.then_end = [&] { loop.stop(); };
  transfer = client->start(post(server.url()), {}, recorder);
  CHECK(run_until_stopped(loop));
  CHECK(pauses == 5);
  CHECK(code_of(recorder) == "none");
  CHECK((recorder.body == body));
}

// Calls an action in each turn of the loop.
class EachTurn {
 public:
  EachTurn(Loop& loop, std::function<void()> action) : loop_(loop), action_(std::move(action)) { tick(); }

 private:
  void tick() {
    action_();
    timer_ = loop_.call_at(loop_.now(), [this] { tick(); });
  }

  Loop& loop_;
  const std::function<void()> action_;
  std::unique_ptr<aiw::Timer> timer_;
};

// Runs one exchange for each recorder, all with the same response, until all have ended without an error. Calls
// `each_turn` in each turn of the loop.
void exchange_all(std::vector<Recorder>& recorders, const std::string& response,
                  const std::function<void()>& each_turn) {
  const Server server([&](Connection& connection) {
    connection.request();
    connection.send(response);
  });
  Loop loop;
  const auto client = aiw::make_curl_client(loop, {});
  std::vector<std::unique_ptr<HttpTransfer>> transfers;
  std::size_t ended = 0;
  for (auto& recorder : recorders) {
    recorder.then_end = [&] {
      if (++ended == recorders.size()) loop.stop();
    };
  }
  const EachTurn turns(loop, each_turn);
  for (auto& recorder : recorders) transfers.push_back(client->start(post(server.url()), {}, recorder));
  CHECK(run_until_stopped(loop));
  for (const auto& recorder : recorders) CHECK(code_of(recorder) == "none");
}

// Bytes that `exchanges` of the same body take in between two turns of a timer, at most; all come whole.
std::size_t most_in_a_turn(std::size_t exchanges, const std::string& response, const std::string& body) {
  std::vector<Recorder> recorders(exchanges);
  std::size_t in_turn = 0, most = 0;
  for (auto& recorder : recorders) {
    recorder.then_body = [&, before = std::size_t{0}]() mutable {
      in_turn += recorder.body.size() - std::exchange(before, recorder.body.size());
    };
  }
  exchange_all(recorders, response, [&] { most = std::max(most, std::exchange(in_turn, 0)); });
  for (const auto& recorder : recorders) CHECK((recorder.body == body));
  return most;
}

TEST_CASE("fault 117: however many answers flood the worker, a turn of the loop takes in few bytes") {
  const std::string body = pattern(4 << 20);
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const std::string length = "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  const std::size_t plain = most_in_a_turn(24, head + length + body, body);
  std::string chunks;
  for (std::size_t at = 0; at < body.size(); at += 300) {
    const auto piece = body.substr(at, 300);
    std::array<char, 32> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", piece.size());
    chunks += size.data() + piece + "\r\n";
  }
  const std::size_t chunked =
      most_in_a_turn(24, head + "Transfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n", body);
  MESSAGE("at most " << plain << " and, in chunks, " << chunked << " bytes");
  // A part for those that are ready and one for those that waited.
  CHECK(plain <= std::size_t{400} << 10);
  CHECK(chunked <= std::size_t{400} << 10);
  const std::string packed = aiw::tools::deflate(body);
  const std::string packed_length = "Content-Length: " + std::to_string(packed.size()) + "\r\n\r\n";
  const std::size_t unpacked =
      most_in_a_turn(24, head + "Content-Encoding: deflate\r\n" + packed_length + packed, body);
  MESSAGE("unpacked at most " << unpacked << " bytes");
  CHECK(unpacked <= std::size_t{400} << 10);
}

// Turns of the loop until `exchanges` of `response` have ended, from the first head on.
int turns_of(std::size_t exchanges, const std::string& response) {
  std::vector<Recorder> recorders(exchanges);
  int turns = 0;
  bool begun = false;
  for (auto& recorder : recorders) recorder.then_head = [&] { begun = true; };
  exchange_all(recorders, response, [&] { turns += begun ? 1 : 0; });
  return turns;
}

TEST_CASE("fault 117: bytes that lead to no data count for the turn as well") {
  const auto flood = [](std::string_view piece) {
    std::string out;
    while (out.size() < (std::size_t{2} << 20)) out += piece;
    return out;
  };
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
  const std::string gzip = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n";
  const std::string header("\x1f\x8b\x08\0\0\0\0\0\0\3", 10);
  const std::string nothing = header + std::string("\3\0\0\0\0\0\0\0\0\0", 10);
  const std::string_view empty_block("\0\0\0\xff\xff", 5);
  const std::string responses[] = {
      chunked + "\r\n" + flood("1;" + std::string(4000, 'e') + "\r\nz\r\n") + "0\r\n\r\n",  // extensions
      chunked + "\r\n" + flood("1\r\nz\r\n") + "0\r\n\r\n",
      gzip + "\r\n" + flood(nothing),                                    // members without data
      gzip + "\r\n" + header + flood(empty_block) + nothing.substr(10),  // blocks without data
      gzip + "\r\n" + nothing + flood(std::string(1000, '\0')),          // padding
  };
  constexpr int kExchanges = 12;
  for (const auto& response : responses) {
    const int turns = turns_of(kExchanges, response);
    MESSAGE(turns << " turns");
    CHECK(turns >= kExchanges * static_cast<int>(response.size() / (std::size_t{400} << 10)));
  }
}

TEST_CASE("fault 117: a read over TLS ends with its record, also if that is only a session ticket") {
  constexpr int kTickets = 300;
  const auto identity = aiw::tools::make_certificate({.names = {"IP:127.0.0.1"}, .authority = true});
  const std::string ca_file = "/tmp/aiw-tickets-" + std::to_string(getpid()) + ".pem";
  std::ofstream(ca_file) << identity.cert;
  const Server server([](Connection& connection) {
    connection.request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    connection.closed_by_client();
  });
  auto front = aiw::tools::TlsFront::start(static_cast<std::uint16_t>(server.port()),
                                           {.identity = identity, .session_tickets = kTickets});
  REQUIRE(front);
  Loop loop;
  Recorder recorder;
  recorder.then_end = [&] { loop.stop(); };
  int turns = 0;
  {
    const EachTurn each_turn(loop, [&] {
      // The server's handshake ends with the tickets, so that all are there when they are read.
      if ((*front)->seen().handshakes > 0) {
        ++turns;
      } else {
        std::this_thread::sleep_for(50ms);
      }
    });
    const auto client = aiw::make_curl_client(loop, {.ca_file = ca_file});
    const auto transfer = client->start(post((*front)->url()), {}, recorder);
    CHECK(run_until_stopped(loop));
  }
  std::remove(ca_file.c_str());
  CHECK(code_of(recorder) == "none");
  CHECK(recorder.body == "ok");
  CHECK(turns >= kTickets);
}

TEST_CASE("fault 118: a chat finds a connection while hanging tools, servers and lists have all that are shared") {
  const Server hangs([](Connection& connection) {
    connection.request();
    connection.closed_by_client();
  });
  const Server answers([](Connection& connection) {
    while (!connection.request().empty()) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  Loop loop;
  aiw::MemoryAccounts accounts({});
  CurlClientOptions options;
  options.max_connections = 10;
  options.max_shared_connections = 4;
  const auto client = aiw::make_curl_client(loop, options);
  const HttpLimits own{.connect_timeout = 400ms, .has_own_connection = true};
  const HttpLimits shared{.connect_timeout = 400ms};
  std::vector<std::shared_ptr<aiw::MemoryAccount>> chats;
  for (int i = 0; i < 7; ++i) chats.push_back(accounts.open([](const Error&) {}));
  std::vector<Recorder> recorders(30);
  std::vector<std::unique_ptr<HttpTransfer>> transfers;
  const auto start = [&](const std::string& url, const HttpLimits& limits,
                         const std::shared_ptr<aiw::MemoryAccount>& chat) {
    const aiw::MemoryScope scope(chat.get());
    transfers.push_back(client->start(post(url), limits, recorders[transfers.size()]));
  };
  // Six of one chat, of which one connection is its own, and two of nobody: four get one of those that are shared.
  for (int i = 0; i < 6; ++i) start(hangs.url(), own, chats[0]);
  for (int i = 0; i < 2; ++i) start(hangs.url(), shared, nullptr);
  for (std::size_t i = 1; i < 6; ++i) start(answers.url(), own, chats[i]);
  std::vector<std::unique_ptr<aiw::Timer>> timers;
  // All that a chat waits for is there, and the others still hang; then the first of them gives its connection back.
  timers.push_back(loop.call_at(loop.now() + 150ms, [&] {
    for (std::size_t i = 8; i < 13; ++i) CHECK(code_of(recorders[i]) == "none");
    for (std::size_t i = 8; i < 13; ++i) CHECK(recorders[i].ends == 1);
    CHECK(hangs.connections() == 5);
    transfers[0].reset();
  }));
  timers.push_back(loop.call_at(loop.now() + 600ms, [&] { loop.stop(); }));
  CHECK(run_until_stopped(loop));
  CHECK(hangs.connections() == 6);
  int without = 0;
  for (std::size_t i = 1; i < 8; ++i) without += code_of(recorders[i]) == "resource_exhausted" ? 1 : 0;
  CHECK(without == 2);
}

TEST_CASE("fault 118: an exchange that nobody needs any more is ended where another one needs its place") {
  const Server hangs([](Connection& connection) {
    connection.request();
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
    connection.closed_by_client();
  });
  const Server answers([](Connection& connection) {
    while (!connection.request().empty()) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  Loop loop;
  CurlClientOptions options;
  options.max_connections = 3;
  options.max_shared_connections = 3;
  const auto client = aiw::make_curl_client(loop, options);
  std::vector<Recorder> recorders(6);
  std::vector<std::unique_ptr<HttpTransfer>> transfers;
  int begun = 0, ended = 0;
  const auto start_others = [&] {
    for (std::size_t i = 3; i < 6; ++i) {
      recorders[i].then_end = [&] {
        if (++ended == 3) loop.stop();
      };
      transfers.push_back(client->start(post(answers.url()), {.connect_timeout = 10s}, recorders[i]));
    }
  };
  for (std::size_t i = 0; i < 3; ++i) {
    recorders[i].then_body = [&] {
      if (++begun < 3) return;
      transfers[0]->give_way();  // within a call of curl's
      start_others();
    };
    transfers.push_back(client->start(post(hangs.url()), {}, recorders[i]));
  }
  CHECK(run_until_stopped(loop));
  for (std::size_t i = 3; i < 6; ++i) CHECK(recorders[i].body == "ok");
  CHECK(recorders[0].ends == 1);
  CHECK(recorders[1].ends + recorders[2].ends == 0);
}

TEST_CASE("fault 117: of answers that end together, those that are long are read one a turn") {
  const std::string body = pattern(300'000);
  const Server server([&](Connection& connection) {
    connection.request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  });
  Loop loop;
  const auto client = aiw::make_curl_client(loop, {});
  std::vector<Recorder> recorders(20);
  std::vector<std::unique_ptr<HttpTransfer>> transfers;
  std::vector<std::uint64_t> turns;
  for (auto& recorder : recorders) {
    recorder.then_end = [&] {
      turns.push_back(loop.turn());
      if (turns.size() == recorders.size()) loop.stop();
    };
    transfers.push_back(client->start(post(server.url()), {}, recorder));
  }
  CHECK(run_until_stopped(loop));
  CHECK(std::ranges::adjacent_find(turns) == turns.end());
}

TEST_CASE("pausing at the last bytes holds the end back") {
  const Server server([&](Connection& connection) {
    connection.request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
    std::this_thread::sleep_for(5ms);
    connection.send("abc");
    connection.closed_by_client();
  });
  Loop loop;
  const auto client = aiw::make_curl_client(loop, {});
  Recorder recorder;
  std::unique_ptr<HttpTransfer> transfer;
  std::unique_ptr<aiw::Timer> timer;
  recorder.then_head = [&] {
    transfer->set_paused(true);
    timer = loop.call_at(loop.now() + 30ms, [&] {
      CHECK(recorder.body.empty());
      CHECK(recorder.ends == 0);
      transfer->set_paused(false);
    });
  };
  recorder.then_end = [&] { loop.stop(); };
  transfer = client->start(post(server.url()), {}, recorder);
  CHECK(run_until_stopped(loop));
  CHECK(recorder.body == "abc");
  CHECK(code_of(recorder) == "none");
}

TEST_CASE("a transfer may be destroyed in any of its calls, which closes its connection") {
  for (const int where : {0, 1, 2}) {
    CAPTURE(where);
    std::atomic<bool> closed = false;
    const Server server([&](Connection& connection) {
      connection.request();
      connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      connection.send_chunk("abc");
      if (where == 2) connection.send_chunk("");
      if (where != 2) closed = connection.closed_by_client();
    });
    Loop loop;
    const auto client = aiw::make_curl_client(loop, {});
    Recorder recorder;
    std::unique_ptr<HttpTransfer> transfer;
    const auto destroy = [&] {
      transfer.reset();
      loop.stop();
    };
    (where == 0 ? recorder.then_head : where == 1 ? recorder.then_body : recorder.then_end) = destroy;
    transfer = client->start(post(server.url()), {}, recorder);
    CHECK(run_until_stopped(loop));
    CHECK_FALSE(transfer);
    while (where != 2 && !closed) std::this_thread::yield();
    CHECK(recorder.ends == (where == 2 ? 1 : 0));
  }
}

TEST_CASE("a transfer may be destroyed, and others started, from another one's calls") {
  const Server server([&](Connection& connection) {
    while (!connection.request().empty()) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
  });
  const Server hanging([](Connection& connection) { connection.closed_by_client(); });
  Loop loop;
  const auto client = aiw::make_curl_client(loop, {});
  Recorder never;
  Recorder first;
  Recorder second;
  Recorder third;
  auto other = client->start(post(hanging.url()), {}, never);
  std::unique_ptr<HttpTransfer> from_body;
  std::unique_ptr<HttpTransfer> from_end;
  first.then_body = [&] {
    other.reset();
    from_body = client->start(post(server.url()), {}, second);
  };
  first.then_end = [&] { from_end = client->start(post(server.url()), {}, third); };
  second.then_end = third.then_end = [&] {
    if (second.ends + third.ends == 2) loop.stop();
  };
  const auto transfer = client->start(post(server.url()), {}, first);
  CHECK(run_until_stopped(loop));
  CHECK(never.ends == 0);
  CHECK(second.body == "abc");
  CHECK(third.body == "abc");
}

TEST_CASE("connections are reused, one that was aborted is not") {
  const Server server([&](Connection& connection) {
    while (!connection.request().empty()) {
      connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      connection.send_chunk("abc");
      connection.send_chunk("");
    }
  });
  Loop loop;
  const auto client = aiw::make_curl_client(loop, {});
  std::array<Recorder, 5> recorders;
  std::array<std::unique_ptr<HttpTransfer>, 5> transfers;
  const auto start = [&](std::size_t i) { transfers[i] = client->start(post(server.url()), {}, recorders[i]); };
  for (std::size_t i = 0; i < recorders.size(); ++i) {
    recorders[i].then_end = [&, i] { i + 1 < recorders.size() ? start(i + 1) : loop.stop(); };
  }
  start(0);
  CHECK(run_until_stopped(loop));
  for (const auto& recorder : recorders) CHECK(recorder.body == "abc");
  CHECK(server.connections() == 1);
}

TEST_CASE(
    "fault 96: what comes after a response is not the response to the next request, which takes a new connection") {
  for (const std::string_view unasked : {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "x"}) {
    std::promise<void> ended, sent;
    std::atomic<int> number = 0;
    const Server server([&](Connection& connection) {
      const bool is_first = number++ == 0;
      while (!connection.request().empty()) {
        connection.send(is_first ? "HTTP/1.1 204 No Content\r\n\r\n"
                                 : "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
        if (!is_first) continue;
        ended.get_future().wait();
        connection.send(unasked);
        sent.set_value();
        connection.closed_by_client();
      }
    });
    Loop loop;
    const auto client = aiw::make_curl_client(loop, {});
    std::array<Recorder, 3> recorders;
    std::array<std::unique_ptr<HttpTransfer>, 3> transfers;
    const auto start = [&](std::size_t i) { transfers[i] = client->start(post(server.url()), {}, recorders[i]); };
    for (std::size_t i = 0; i < recorders.size(); ++i) {
      recorders[i].then_end = [&, i] {
        if (i == 0) {
          ended.set_value();
          sent.get_future().wait();
        }
        i + 1 < recorders.size() ? start(i + 1) : loop.stop();
      };
    }
    start(0);
    CHECK(run_until_stopped(loop));
    CHECK(recorders[0].head->status == 204);
    for (std::size_t i = 1; i < recorders.size(); ++i) {
      CHECK(recorders[i].ends == 1);
      CHECK_FALSE(recorders[i].error);
      CHECK(recorders[i].body == "abc");
    }
    CHECK(server.connections() == 2);
  }
}

TEST_CASE("fault 96: after a response that came before its request had gone out whole, the connection is closed") {
  std::atomic<int> number = 0;
  const Server server([&](Connection& connection) {
    if (number++ > 0) {
      while (!connection.request().empty()) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
      return;
    }
    char byte = 0;
    CHECK(recv(connection.fd(), &byte, 1, 0) == 1);
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly");
    connection.closed_by_client();  // it reads all of the request
  });
  Loop loop;
  const auto client = aiw::make_curl_client(loop, {});
  const std::string body = pattern(std::size_t{64} << 20);  // more than sockets hold
  std::array<Recorder, 3> recorders;
  std::array<std::unique_ptr<HttpTransfer>, 3> transfers;
  const auto start = [&](std::size_t i) {
    transfers[i] = client->start(post(server.url(), i == 0 ? std::string_view(body) : "{}"), {}, recorders[i]);
  };
  for (std::size_t i = 0; i < recorders.size(); ++i) {
    recorders[i].then_end = [&, i] { i + 1 < recorders.size() ? start(i + 1) : loop.stop(); };
  }
  start(0);
  CHECK(run_until_stopped(loop));
  for (std::size_t i = 0; i < recorders.size(); ++i) {
    CHECK_FALSE(recorders[i].error);
    CHECK(recorders[i].body == std::string(i == 0 ? "early" : "abc"));
  }
  CHECK(server.connections() == 2);
}

TEST_CASE("more exchanges than may resolve at once all end, and those that wait can be destroyed") {
  const Server server([&](Connection& connection) {
    connection.request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
  });
  Loop loop;
  const auto client = aiw::make_curl_client(loop, {});
  constexpr std::size_t kCount = 200;
  std::vector<Recorder> recorders(kCount);
  std::vector<std::unique_ptr<HttpTransfer>> transfers;
  std::size_t ended = 0;
  for (auto& recorder : recorders) {
    recorder.then_end = [&] {
      if (++ended == kCount - 10) loop.stop();
    };
    const auto url = "http://localhost:" + std::to_string(server.port()) + "/";
    transfers.push_back(client->start(post(url), {}, recorder));
  }
  for (std::size_t i = 0; i < 10; ++i) transfers[i * 20 + 5].reset();
  CHECK(run_until_stopped(loop));
  for (std::size_t i = 0; i < kCount; ++i) {
    const bool destroyed = i % 20 == 5;
    CHECK(recorders[i].ends == (destroyed ? 0 : 1));
    CHECK(recorders[i].body == (destroyed ? "" : "abc"));
  }
}

TEST_CASE("fault 40: a lack of descriptors is not shown as a refused connection") {
  const Server server([](Connection&) {});
  Loop loop;
  const auto client = aiw::make_curl_client(loop, {});
  Recorder recorder;
  recorder.then_end = [&] { loop.stop(); };
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  const int next_free = dup(0);
  close(next_free);
  const rlimit tight{static_cast<rlim_t>(next_free), before.rlim_max};
  const auto transfer = client->start(post(server.url()), {}, recorder);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &tight) == 0);
  const bool in_time = run_until_stopped(loop);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(in_time);
  CHECK(code_of(recorder) == "resource_exhausted");
}

TEST_CASE("an answer that comes before the whole body was sent is told") {
  const Server server([](Connection& connection) {
    connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmuch");
    connection.closed_by_client();
  });
  const std::string large(20 << 20, 'x');
  auto request = post(server.url(), "");
  request.body.splice(large);
  const auto result = exchange(std::move(request));
  REQUIRE(result.head);
  CHECK(result.head->status == 413);
  CHECK(result.body == "much");
}

TEST_CASE("no socket is inherited by child processes") {
  bool cloexec = false;
  const Server server([](Connection& connection) {
    connection.request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  Loop loop;
  const auto client = aiw::make_curl_client(loop, {});
  Recorder recorder;
  recorder.then_head = [&] {
    for (int fd = 3; fd < 64; ++fd) {
      sockaddr_in peer{};
      socklen_t length = sizeof peer;
      if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) != 0 || peer.sin_family != AF_INET) continue;
      if (ntohs(peer.sin_port) == server.port()) cloexec = (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
    }
  };
  recorder.then_end = [&] { loop.stop(); };
  const auto transfer = client->start(post(server.url()), {}, recorder);
  CHECK(run_until_stopped(loop));
  CHECK(cloexec);
}

TEST_CASE("fault 93: TLS session keys are not written for others") {
  setenv("SSLKEYLOGFILE", "/tmp/aiw_never_written", 1);
  Loop loop;
  const auto client = aiw::make_curl_client(loop, {});
  CHECK(std::getenv("SSLKEYLOGFILE") == nullptr);
}

TEST_CASE("a request that is to be sent once does not go over a connection that may have died") {
  std::atomic<int> sent = 0;
  // Answers a connection's first request; reads its second and closes, as if it had died with the request under way.
  const Server server([&](Connection& connection) {
    for (int i = 0; i < 2 && !connection.request().empty(); ++i) {
      ++sent;
      if (i == 0) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    }
  });
  Loop loop;
  const auto client = aiw::make_curl_client(loop, {});
  Recorder first, second;
  std::unique_ptr<HttpTransfer> next;
  first.then_end = [&] {
    HttpRequest request = post(server.url());
    request.once = true;
    next = client->start(std::move(request), {}, second);
  };
  second.then_end = [&] { loop.stop(); };
  const auto transfer = client->start(post(server.url()), {}, first);
  CHECK(run_until_stopped(loop));
  CHECK(first.body == "abc");
  CHECK(second.body == "abc");
  CHECK(sent == 2);
  CHECK(server.connections() == 2);
}
