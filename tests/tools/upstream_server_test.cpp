#include "tools/support/upstream_server.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <numeric>
#include <string>
#include <vector>

namespace aiw::tools {
namespace {

using std::chrono::milliseconds;

// What one exchange over a plain blocking socket brought.
struct Answer {
  std::string bytes;
  bool ended = false;  // FIN
  bool reset = false;

  [[nodiscard]] std::string head() const { return bytes.substr(0, bytes.find("\r\n\r\n") + 4); }
  [[nodiscard]] std::string rest() const { return bytes.substr(std::min(head().size(), bytes.size())); }
};

class Client {
 public:
  explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      REQUIRE(count > 0);
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  // Reads until the end, or until `until` was seen, or until nothing came for `quiet`.
  [[nodiscard]] Answer read(std::string_view until = {}, milliseconds quiet = milliseconds{2000}) const {
    Answer answer;
    pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    while (until.empty() || answer.bytes.find(until) == std::string::npos) {
      if (::poll(&waiting, 1, static_cast<int>(quiet.count())) != 1) return answer;
      char block[4096];
      ssize_t count = ::recv(fd_, block, sizeof(block), 0);
      if (count > 0) {
        answer.bytes.append(block, static_cast<std::size_t>(count));
        continue;
      }
      answer.ended = count == 0;
      answer.reset = count < 0 && errno == ECONNRESET;
      return answer;
    }
    return answer;
  }

 private:
  int fd_;
};

constexpr std::string_view kGet = "GET /some/path?a=1&bc=2 HTTP/1.1\r\nHost: x\r\n\r\n";

constexpr std::string_view kGetOnce = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

// The chunks of a chunked body; `complete` tells whether the last-chunk was there.
struct Chunks {
  std::vector<std::string> chunks;
  bool complete = false;
  [[nodiscard]] std::string joined() const { return std::accumulate(chunks.begin(), chunks.end(), std::string()); }
};

Chunks parse_chunks(std::string_view body) {
  Chunks result;
  while (true) {
    std::size_t length = 0;
    auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), length, 16);
    if (error != std::errc{}) return result;
    body.remove_prefix(static_cast<std::size_t>(end - body.data()));
    if (!body.starts_with("\r\n") || body.size() < length + 4) return result;
    if (length == 0) {
      result.complete = body == "\r\n\r\n";
      return result;
    }
    result.chunks.emplace_back(body.substr(2, length));
    body.remove_prefix(length + 4);
  }
}

std::unique_ptr<UpstreamServer> serve(Script script, ServerOptions options = {}) {
  auto server = UpstreamServer::start([script](const Request&) { return script; }, options);
  REQUIRE(server.has_value());
  return std::move(*server);
}

std::string sample_body() {
  std::string body;
  for (int i = 0; i < 500; ++i) body += "data: {\"n\":" + std::to_string(i) + "}\n\n";
  return body;
}

Answer ask(const UpstreamServer& server, std::string_view request = kGetOnce) {
  Client client(server.port());
  client.send(request);
  return client.read({}, milliseconds{300});
}

TEST_CASE("a chunked body is sent with the same bytes in the requested pieces, for every mode of cutting") {
  std::string body = sample_body();
  Script script{.body = body};
  CHECK(parse_chunks(ask(*serve(script)).rest()).chunks == std::vector<std::string>{body});

  script.cut = {.mode = Cut::Mode::kBytes};
  Chunks bytes = parse_chunks(ask(*serve(script)).rest());
  CHECK(bytes.chunks.size() == body.size());
  CHECK(bytes.joined() == body);
  CHECK(bytes.complete);

  script.cut = {.mode = Cut::Mode::kRandom, .seed = 7};
  Chunks random = parse_chunks(ask(*serve(script)).rest());
  CHECK(random.chunks.size() > body.size() / 97);
  CHECK(random.joined() == body);
  CHECK(random.chunks == parse_chunks(ask(*serve(script)).rest()).chunks);

  script.cut = {.mode = Cut::Mode::kSizes, .sizes = {1, 5, 0}};
  Chunks sized = parse_chunks(ask(*serve(script)).rest());
  REQUIRE(sized.chunks.size() == 4);
  CHECK(sized.chunks[1].size() == 5);
  CHECK(sized.chunks[2].size() == 1);
  CHECK(sized.joined() == body);
}

TEST_CASE("a body with Content-Length and a body that ends with its connection arrive complete") {
  Script script{.body = sample_body(), .cut = {.mode = Cut::Mode::kBytes}};
  script.framing = Framing::kContentLength;
  Answer answer = ask(*serve(script));
  CHECK(answer.rest() == script.body);
  CHECK(answer.head().find("Content-Length: " + std::to_string(script.body.size())) != std::string::npos);

  script.framing = Framing::kClose;
  answer = ask(*serve(script));
  CHECK(answer.rest() == script.body);
  CHECK(answer.ended);
}

TEST_CASE("each broken ending looks as its name says") {
  Script script{.body = sample_body(), .end_after = 1000};
  SUBCASE("FIN in the body") {
    script.ending = Ending::kFin;
    Answer answer = ask(*serve(script));
    CHECK(answer.ended);
    Chunks chunks = parse_chunks(answer.rest());
    CHECK_FALSE(chunks.complete);
    CHECK(chunks.joined() == script.body.substr(0, 1000));
  }
  SUBCASE("reset in the body") {
    script.ending = Ending::kReset;
    Answer answer = ask(*serve(script));
    CHECK(answer.reset);
    CHECK(parse_chunks(answer.rest()).joined() == script.body.substr(0, 1000));
  }
  SUBCASE("reset before the head") {
    script.ending = Ending::kReset;
    script.before_head = true;
    Answer answer = ask(*serve(script));
    CHECK(answer.reset);
    CHECK(answer.bytes.empty());
  }
  SUBCASE("hang") {
    script.ending = Ending::kHang;
    auto server = serve(script);
    Answer answer = ask(*server);
    CHECK_FALSE(answer.ended);
    CHECK(parse_chunks(answer.rest()).joined() == script.body.substr(0, 1000));
  }
  SUBCASE("truncated chunk") {
    script.ending = Ending::kTruncatedChunk;
    Answer answer = ask(*serve(script));
    CHECK(answer.ended);
    CHECK(answer.rest().ends_with("1000\r\ndata: {\"cut"));
  }
  SUBCASE("short length") {
    script.framing = Framing::kContentLength;
    script.ending = Ending::kShortLength;
    Answer answer = ask(*serve(script));
    CHECK(answer.ended);
    CHECK(answer.rest() == script.body.substr(0, 1000));
    CHECK(answer.head().find("Content-Length: " + std::to_string(script.body.size() + 1000)) != std::string::npos);
  }
  SUBCASE("garbage") {
    script.ending = Ending::kGarbage;
    Answer answer = ask(*serve(script));
    CHECK(answer.ended);
    CHECK(answer.rest().find("no HTTP") != std::string::npos);
  }
}

TEST_CASE("a request is captured with its body, in every framing") {
  auto server = serve(json_script(200, "{}"));
  Client client(server->port());
  client.send("POST /v1/x?k=v HTTP/1.1\r\nHost: x\r\nX-Two:  b \r\nContent-Length: 5\r\n\r\nhel");
  client.send("lo");
  CHECK(client.read("{}").rest() == "{}");
  client.send("POST /v1/y HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n");
  CHECK(client.read("{}").rest() == "{}");

  REQUIRE(server->wait_for_requests(2, milliseconds{1000}));
  auto requests = server->requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].path() == "/v1/x");
  CHECK(requests[0].parameter("k") == "v");
  CHECK(requests[0].header("x-two") == "b");
  CHECK(requests[0].body == "hello");
  CHECK(requests[1].body == "abcde");
  CHECK(requests[1].connection == requests[0].connection);
}

TEST_CASE("requests that arrive together get their responses one after the other") {
  auto server = serve(json_script(200, "{}"));
  Client client(server->port());
  std::string many;
  for (int i = 0; i < 100; ++i) many += kGet;
  client.send(many);
  std::string answers = client.read({}, milliseconds{300}).bytes;
  std::size_t count = 0;
  for (std::size_t at = 0; (at = answers.find("HTTP/1.1 200", at)) != std::string::npos; ++at) ++count;
  CHECK(count == 100);
}

TEST_CASE("malformed and oversized requests are rejected") {
  auto server = serve(json_script(200, "{}"), {.max_body = 1000});
  CHECK(ask(*server, "nonsense\r\n\r\n").head().starts_with("HTTP/1.1 400"));
  CHECK(ask(*server, "GET / HTTP/1.1\r\nno colon\r\n\r\n").head().starts_with("HTTP/1.1 400"));
  CHECK(ask(*server, "POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n").head().starts_with("HTTP/1.1 413"));
  CHECK(server->request_count() == 0);
}

TEST_CASE("the limits on requests and stored bytes are enforced") {
  auto server = serve(json_script(200, "{}"), {.max_requests = 2, .max_body_kept = 3, .max_requests_kept = 1});
  std::string post = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";
  CHECK(ask(*server, post).head().starts_with("HTTP/1.1 200"));
  CHECK(ask(*server, post).head().starts_with("HTTP/1.1 200"));
  CHECK(ask(*server, post).head().starts_with("HTTP/1.1 503"));
  auto requests = server->requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].body == "hel");
  CHECK(requests[0].body_bytes == 5);
}

TEST_CASE("200 streams run at once, and the server can stop while some still run") {
  auto stream = SyntheticStream::make({.api = "openai-chat", .chunks = 5, .rate = 100});
  REQUIRE(stream.has_value());
  Script script{.stream = *stream};
  auto server = serve(script);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(std::make_unique<Client>(server->port()));
  for (auto& client : clients) client->send(kGet);
  for (auto& client : clients) {
    Chunks chunks = parse_chunks(client->read("\r\n0\r\n\r\n").rest());
    std::string body = chunks.joined();
    CHECK(chunks.complete);
    CHECK(body.size() == (*stream)->body_bytes());
    CHECK(static_cast<std::uint64_t>(std::count(body.begin(), body.end(), kFillByte)) == (*stream)->fill_bytes());
    CHECK(std::count(body.begin(), body.end(), kTimestampMark) == 10);
  }
  CHECK(server->open_connections() == 200);
  for (auto& client : clients) client->send(kGet);
  CHECK(server->wait_for_requests(400, milliseconds{2000}));
  server.reset();
  CHECK(clients.front()->read({}, milliseconds{1000}).bytes.find("[DONE]") == std::string::npos);
}

TEST_CASE("a synthetic stream at full speed has every chunk of every API, across blocks") {
  for (const std::string& api : synthetic_apis()) {
    CAPTURE(api);
    for (std::size_t per_http_chunk : {1u, 7u}) {
      auto stream = SyntheticStream::make({.api = api,
                                           .chunks = 1000,
                                           .event_bytes = 400,
                                           .block_bytes = 16384,
                                           .events_per_http_chunk = per_http_chunk});
      REQUIRE(stream.has_value());
      CHECK((*stream)->full_blocks() > 0);
      auto server = serve(Script{.stream = *stream});
      Chunks chunks = parse_chunks(ask(*server).rest());
      CHECK(chunks.complete);
      std::string body = chunks.joined();
      CHECK(body.size() == (*stream)->body_bytes());
      CHECK(body == (*stream)->plain_body());
      CHECK(static_cast<std::uint64_t>(std::count(body.begin(), body.end(), kFillByte)) == (*stream)->fill_on_wire());
    }
  }
  CHECK_FALSE(SyntheticStream::make({.api = "no-such-api"}).has_value());
  CHECK_FALSE(SyntheticStream::make({.events_per_http_chunk = 0}).has_value());
}

}  // namespace
}  // namespace aiw::tools
