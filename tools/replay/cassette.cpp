#include "tools/replay/cassette.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>

#include "worker/base/base64.hpp"
#include "worker/providers/provider_defaults.hpp"

namespace aiw::tools {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

std::expected<void, std::string> set_body(Script& script, const json& response) {
  if (response.contains("body")) {
    script.body = response["body"].get<std::string>();
  } else if (response.contains("bodyBase64")) {
    std::string bytes;
    if (!base64_decode(response["bodyBase64"].get_ref<const std::string&>(), bytes))
      return std::unexpected("bodyBase64 is not base64");
    script.body = std::move(bytes);
  } else if (response.contains("chunks")) {
    script.cut.mode = Cut::Mode::kSizes;
    for (const auto& chunk : response["chunks"]) {
      const auto& text = chunk.get_ref<const std::string&>();
      if (text.empty()) continue;  // an empty chunk would end the body
      script.cut.sizes.push_back(text.size());
      script.body += text;
    }
  } else {
    return std::unexpected("a response needs body, bodyBase64 or chunks");
  }
  return {};
}

std::expected<Exchange, std::string> parse_exchange(const json& value) {
  Exchange exchange;
  if (const auto request = value.find("request"); request != value.end()) {
    if (request->contains("method")) exchange.request.method = request->at("method").get<std::string>();
    if (request->contains("path")) exchange.request.path = request->at("path").get<std::string>();
    exchange.request.body = request->value("body", json());
  }
  const json& response = value.at("response");
  exchange.response.status = response.value("status", 200);
  const json headers = response.value("headers", json::object());
  for (const auto& [name, text] : headers.items()) {
    exchange.response.headers.emplace_back(name, text.get<std::string>());
  }
  if (auto body = set_body(exchange.response, response); !body) return std::unexpected(body.error());
  return exchange;
}

InputLine parse_input(const json& value) {
  InputLine input{value.at("input"), value.value("after", json())};
  if (!input.after.is_null()) return input;
  input.after = json::object();
  if (input.line.value("type", "") == "tool_result") {
    input.after = {{"type", "tool_call"}, {"data", {{"toolCallId", input.line.at("payload").at("toolCallId")}}}};
  }
  return input;
}

std::expected<void, std::string> parse_line(const ordered_json& line, Cassette& cassette) {
  const json value = json::parse(line.dump());
  if (cassette.request.is_null()) {
    if (value.value("type", "") != "chat") return std::unexpected("the first line is no chat");
    if (!value.contains("payload")) return std::unexpected("the chat has no payload");
    cassette.request = line;
    static_cast<void>(cassette.id());
  } else if (value.contains("exchange")) {
    auto exchange = parse_exchange(value["exchange"]);
    if (!exchange) return std::unexpected(exchange.error());
    cassette.exchanges.push_back(*std::move(exchange));
  } else if (value.contains("input")) {
    cassette.inputs.push_back(parse_input(value));
  } else if (value.contains("expect")) {
    static_cast<void>(value["expect"].at("type").get<std::string>());
    cassette.expected.push_back(value["expect"]);
  } else {
    return std::unexpected("a line is a chat, an exchange, an input or an expect");
  }
  return {};
}

}  // namespace

std::expected<Cassette, std::string> parse_cassette(std::string name, std::string_view text) {
  Cassette cassette;
  cassette.name = std::move(name);
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string at = cassette.name + ":" + std::to_string(number) + ": ";
    // People write cassettes by hand. Report every missing or mistyped member with the line number.
    try {
      const auto parsed = parse_line(ordered_json::parse(line), cassette);
      if (!parsed) return std::unexpected(at + parsed.error());
    } catch (const json::exception& error) {
      return std::unexpected(at + error.what());
    }
  }
  if (cassette.request.is_null()) return std::unexpected(cassette.name + ": no chat line");
  return cassette;
}

std::expected<Cassette, std::string> load_cassette(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::unexpected("cannot read " + file.string());
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return parse_cassette(file.string(), text);
}

std::vector<ProviderUrl> provider_urls(const ordered_json& request) {
  std::vector<ProviderUrl> urls;
  const auto config = request.at("payload").find("config");
  if (config == request.at("payload").end() || !config->is_object() || !config->contains("providers")) return urls;
  for (const auto& provider : config->at("providers")) {
    ProviderUrl& url = urls.emplace_back(ProviderUrl{provider.value("id", ""), {}});
    for (const char* spelling : {"baseUrl", "baseURL"}) {
      const auto given = provider.find(spelling);
      if (given != provider.end() && given->is_string()) url.base_url = given->get<std::string>();
    }
    const auto* defaults = find_provider_defaults(url.id);
    if (url.base_url.empty() && defaults != nullptr) url.base_url = defaults->base_url;
    while (url.base_url.ends_with('/')) url.base_url.pop_back();
  }
  return urls;
}

std::string url_path(std::string_view url) {
  const auto scheme = url.find("://");
  const auto path = url.find('/', scheme == std::string_view::npos ? 0 : scheme + 3);
  return path == std::string_view::npos ? std::string() : std::string(url.substr(path));
}

std::vector<json> merge_events(const std::vector<json>& frames) {
  std::vector<json> events;
  std::map<std::pair<int, int>, std::size_t> parts;  // index into `events` by (step, part)
  for (const auto& frame : frames) {
    const std::string type = frame.value("type", "");
    if (type == "heartbeat") continue;
    const json data = frame.value("data", json::object());
    if (type == "delta") {
      const auto key = std::pair(data.value("step", -1), data.value("part", -1));
      const auto [place, is_new] = parts.try_emplace(key, events.size());
      if (!is_new) {
        auto& text = events[place->second]["data"]["text"].get_ref<std::string&>();
        text += data.value("text", "");
        continue;
      }
    }
    events.push_back({{"type", type}, {"data", data}});
  }
  return events;
}

}  // namespace aiw::tools
