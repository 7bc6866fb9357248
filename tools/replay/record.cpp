#include "tools/replay/record.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "protocol/json_text.hpp"
#include "tools/replay/cassette_run.hpp"
#include "tools/replay/chat_player.hpp"
#include "tools/replay/recording_proxy.hpp"
#include "tools/replay/redact.hpp"
#include "tools/support/upstream_server.hpp"
#include "worker/agent/key_policy.hpp"
#include "worker/base/base64.hpp"
#include "worker/base/url.hpp"

namespace aiw::tools {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

// Timeout without output; a model may take long.
constexpr std::chrono::seconds kSilence{600};

std::expected<std::string, std::string> resolve(const std::string& value, const ProviderUrl& provider) {
  const auto url = parse_base_url(provider.base_url);
  if (!url) return std::unexpected("the base URL of " + provider.id + ": " + url.error());
  KeyPolicy policy = system_key_policy({"/"});
  // The user who records chooses both the file and the host.
  if (value.starts_with("${file:")) policy.allowed_hosts.insert(url->host);
  auto key = resolve_key(value, provider.id, *url, policy);
  if (!key) return std::unexpected(key.error().message);
  return *std::move(key);
}

// Two versions of the chat line: for the worker (placeholders for keys) and for the cassette (no keys).
struct PreparedRequest {
  ordered_json sent;
  ordered_json kept;
  std::vector<ProxyRoute> routes;
  Redactor redactor;
};

// Replaces a key by a placeholder for the worker. The proxy substitutes the key later.
std::expected<void, std::string> hide(ordered_json& value, const std::string& placeholder, const ProviderUrl& url,
                                      ProxyRoute& route, Redactor& redactor) {
  auto key = resolve(value.get<std::string>(), url);
  if (!key) return std::unexpected(key.error());
  redactor.add_secret(*key);
  if (const auto space = key->find(' '); space != std::string::npos) redactor.add_secret(key->substr(space + 1));
  value = key->empty() ? std::string() : placeholder;
  if (!key->empty()) route.substitutions.emplace_back(placeholder, *std::move(key));
  return {};
}

std::expected<void, std::string> hide_headers(ordered_json& provider, const ProviderUrl& url, ProxyRoute& route,
                                              Redactor& redactor) {
  if (!provider.contains("headers") || !provider["headers"].is_object()) return {};
  for (auto& [name, value] : provider["headers"].items()) {
    if (!value.is_string()) continue;
    const bool is_secret = is_secret_header(name) || value.get_ref<const std::string&>().starts_with("${");
    if (!is_secret) continue;
    const std::string placeholder = "replay-header-" + std::to_string(route.substitutions.size());
    if (auto hidden = hide(value, placeholder, url, route, redactor); !hidden) return hidden;
  }
  return {};
}

std::expected<PreparedRequest, std::string> prepare(const Cassette& request) {
  PreparedRequest out{request.request, request.request, {}, {}};
  const auto urls = provider_urls(request.request);
  if (urls.empty()) return std::unexpected("the chat line has no config with providers");
  for (std::size_t i = 0; i < urls.size(); ++i) {
    ordered_json& provider = out.sent["payload"]["config"]["providers"][i];
    ProxyRoute& route = out.routes.emplace_back(ProxyRoute{urls[i].base_url, {}});
    if (urls[i].base_url.empty()) continue;  // mock provider
    if (!provider.contains("apiKey") || !provider["apiKey"].is_string()) provider["apiKey"] = "";
    auto hidden = hide(provider["apiKey"], "replay-key", urls[i], route, out.redactor);
    if (hidden) hidden = hide_headers(provider, urls[i], route, out.redactor);
    if (!hidden) return std::unexpected(hidden.error());
  }
  // References such as ${NAME} are kept.
  out.kept = out.redactor.value(out.kept);
  return out;
}

std::string chat_line(const PreparedRequest& prepared, const std::string& proxy) {
  std::vector<std::string> urls;
  for (std::size_t i = 0; i < prepared.routes.size(); ++i) {
    const std::string& real = prepared.routes[i].base_url;
    urls.push_back(real.empty() ? real : proxy + route_prefix(i) + url_path(real));
  }
  return redirected(prepared.sent, urls).dump();
}

ordered_json exchange_line(const RecordedExchange& exchange, const Redactor& redactor) {
  ordered_json request = {{"method", exchange.method}, {"path", redactor.text(exchange.path)}};
  const ordered_json body = ordered_json::parse(exchange.request_body, nullptr, false);
  if (!body.is_discarded()) request["body"] = redactor.value(body);
  ordered_json headers = ordered_json::object();
  for (const auto& [name, value] : exchange.response.headers) {
    if (is_kept_response_header(name)) headers[name] = redactor.text(value);
  }
  ordered_json response = {{"status", exchange.response.status}, {"headers", headers}};
  const std::string text = redactor.text(exchange.response.body);
  if (find_invalid_utf8(text)) {
    response["bodyBase64"] = base64_encode(text);
  } else {
    response["body"] = text;
  }
  return {{"exchange", {{"request", request}, {"response", response}}}};
}

ordered_json input_line(const InputLine& input, const Redactor& redactor) {
  return {{"input", redactor.value(ordered_json(input.line))}, {"after", redactor.value(ordered_json(input.after))}};
}

ordered_json expect_line(json event, const Redactor& redactor) {
  if (event["data"].is_object()) event["data"].erase("timing");
  const ordered_json data = redactor.value(ordered_json(event["data"]));
  return {{"expect", {{"type", event["type"].get<std::string>()}, {"data", data}}}};
}

std::string render(const Cassette& request, const PreparedRequest& prepared,
                   const std::vector<RecordedExchange>& exchanges, const ChatLog& log) {
  std::string text = prepared.kept.dump() + "\n";
  const auto append = [&](const ordered_json& line) { text += line.dump() + "\n"; };
  for (const auto& exchange : exchanges) append(exchange_line(exchange, prepared.redactor));
  for (const auto& input : request.inputs) append(input_line(input, prepared.redactor));
  for (auto& event : merge_events(log.frames())) append(expect_line(std::move(event), prepared.redactor));
  return text;
}

}  // namespace

std::expected<std::string, std::string> record_cassette(const Cassette& request, const std::filesystem::path& worker) {
  const auto prepared = prepare(request);
  if (!prepared) return std::unexpected(prepared.error());
  RecordingProxy proxy(prepared->routes);
  auto server = UpstreamServer::start([&proxy](const Request& incoming) { return proxy.handle(incoming); });
  if (!server) return std::unexpected(server.error());
  auto driver = WorkerDriver::start(worker, nullptr);
  if (!driver) return std::unexpected(driver.error());
  const std::string line = chat_line(*prepared, (*server)->url());
  const PlayedChat played = play_chat(**driver, request.id(), line, request.inputs, kSilence);
  (*driver)->finish();
  if (const auto failures = proxy.failures(); !failures.empty()) return std::unexpected(failures.front());
  if (!played.log.ended()) return std::unexpected("no terminal event came; nothing is recorded");
  std::string text = render(request, *prepared, proxy.exchanges(), played.log);
  if (prepared->redactor.leaks(text))
    return std::unexpected("a key would still be in the cassette; nothing is written");
  return text;
}

}  // namespace aiw::tools
