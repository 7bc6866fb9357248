// upstream: serves recorded, synthetic and failing provider responses on 127.0.0.1 until it is stopped.
#include <CLI/CLI.hpp>
#include <csignal>
#include <ctime>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "tools/support/corpus.hpp"
#include "tools/support/tls_front.hpp"
#include "tools/upstream/routes.hpp"

namespace {

using namespace aiw::tools;
using Steady = std::chrono::steady_clock;

struct Options {
  std::string cases;
  std::string cut = "whole";
  std::uint64_t seed = 1;
  unsigned delay_ms = 0;
  unsigned max_seconds = 3600;
  bool demo = false;
  std::string tls_ca;
  bool h2 = false;
  ServerOptions server;
};

std::optional<Routes> make_routes(const Options& options) {
  static const std::map<std::string, Cut::Mode> kCuts{
      {"whole", Cut::Mode::kWhole}, {"random", Cut::Mode::kRandom}, {"bytes", Cut::Mode::kBytes}};
  Routes routes{.cases = {},
                .cut = {.mode = kCuts.at(options.cut), .seed = options.seed},
                .delay = std::chrono::milliseconds(options.delay_ms),
                .demo = options.demo};
  if (options.cases.empty()) return routes;
  auto corpus = load_corpus(options.cases, {});
  if (!corpus) {
    std::cerr << "upstream: " << corpus.error() << "\n";
    return std::nullopt;
  }
  for (auto& recorded : corpus->cases) routes.cases.emplace(recorded.id, std::move(recorded.response));
  return routes;
}

// Returns on a signal, at the time limit, or after the response to the last request if their number is limited.
void wait_for_end(const UpstreamServer& server, const Options& options, const sigset_t& signals) {
  auto end = Steady::now() + std::chrono::seconds(options.max_seconds);
  timespec pause{.tv_sec = 0, .tv_nsec = 50'000'000};
  while (Steady::now() < end && sigtimedwait(&signals, nullptr, &pause) < 0) {
    bool used_up = options.server.max_requests != 0 && server.request_count() >= options.server.max_requests;
    if (used_up && server.open_connections() == 0) return;
  }
}

// Returns nullptr if TLS was not requested.
std::expected<std::unique_ptr<TlsFront>, std::string> make_front(const UpstreamServer& server, const Options& options) {
  if (options.tls_ca.empty()) return nullptr;
  const auto authority = make_certificate({.common_name = "upstream's authority", .authority = true});
  std::ofstream file(options.tls_ca);
  file << authority.cert << std::flush;
  if (!file) return std::unexpected("cannot write " + options.tls_ca);
  return TlsFront::start(
      server.port(),
      {.identity = make_certificate({.names = {"DNS:localhost", "IP:127.0.0.1"}}, &authority), .offer_h2 = options.h2});
}

int run(const Options& options) {
  // Block the signals before the server's thread starts, so that only sigtimedwait receives them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);

  auto routes = make_routes(options);
  if (!routes) return 1;
  auto server = UpstreamServer::start([&](const Request& request) { return routes->answer(request); }, options.server);
  if (!server) {
    std::cerr << "upstream: " << server.error() << "\n";
    return 1;
  }
  auto front = make_front(**server, options);
  if (!front) {
    std::cerr << "upstream: " << front.error() << "\n";
    return 1;
  }
  nlohmann::json first{{"url", (*server)->url()}, {"port", (*server)->port()}, {"cases", routes->cases.size()}};
  if (*front) first["httpsUrl"] = (*front)->url();
  std::cout << first.dump() << std::endl;
  wait_for_end(**server, options, signals);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.server.max_requests_kept = 0;
  CLI::App app{
      "A loopback HTTP server of provider answers. Prints its URL as a JSON line, then serves:\n"
      "  /case/ID/...                     a recorded answer (--cases)\n"
      "  /synthetic/API/chunks=N/bytes=B/rate=R/...\n"
      "                                   a synthetic stream; rate 0: full speed\n"
      "  /fail/STATUS/..., /fail/KIND/... a failure; kinds:\n" +
      fail_kinds()};
  app.add_option("--cases", options.cases, "folder of recorded cases with its index.jsonl")
      ->check(CLI::ExistingDirectory);
  app.add_option("--cut", options.cut, "how recorded bodies are cut")
      ->check(CLI::IsMember({"whole", "random", "bytes"}));
  app.add_option("--seed", options.seed, "of --cut random");
  app.add_option("--delay-ms", options.delay_ms, "between the pieces of recorded bodies");
  app.add_option("--port", options.server.port, "0: any free one");
  app.add_option("--max-requests", options.server.max_requests, "then ends; 0: no limit");
  app.add_option("--max-seconds", options.max_seconds, "ends after so long in any case (default 3600)");
  app.add_option(
      "--tls-ca", options.tls_ca,
      "serves the same by https, too (httpsUrl in the first line); the authority to trust is written to this "
      "file, for the worker's --ca-file");
  app.add_flag("--tls-h2", options.h2, "chooses HTTP/2 if it is offered, and does not speak it");
  app.add_flag("--embedded-demo", options.demo, "answers POST .../chat/completions and .../messages by a canned text");
  CLI11_PARSE(app, argc, argv);
  return run(options);
}
