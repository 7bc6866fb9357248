#include "tools/upstream/routes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <vector>

#include "tools/support/codings.hpp"

namespace aiw::tools {

namespace {

std::vector<std::string_view> segments(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    path.remove_prefix(1);
    parts.push_back(path.substr(0, path.find('/')));
    path.remove_prefix(parts.back().size());
  }
  return parts;
}

// Returns the value of `name` from the query or from a path segment NAME=VALUE. A base URL can carry only the latter.
std::string_view parameter(const Request& request, std::span<const std::string_view> parts, std::string_view name) {
  if (auto value = request.parameter(name); !value.empty()) return value;
  for (std::string_view part : parts) {
    if (part.starts_with(name) && part.substr(name.size()).starts_with('=')) return part.substr(name.size() + 1);
  }
  return {};
}

template <typename Number>
void read_number(std::string_view text, Number& into) {
  Number value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size()) into = value;
}

// Error body that the clients of both APIs understand.
Script refusal(int status, std::string_view message) {
  std::string body = R"({"type":"error","error":{"type":"upstream_test_error","code":")" + std::to_string(status) +
                     R"(","message":")" + std::string(message) + R"("}})";
  Script script = json_script(status, std::move(body));
  if (status == 429 || status == 503 || status == 529) script.headers.emplace_back("Retry-After", "1");
  return script;
}

Script synthetic(const Request& request, std::span<const std::string_view> parts) {
  SyntheticSpec spec;
  if (!parts.empty()) spec.api = parts.front();
  read_number(parameter(request, parts, "chunks"), spec.chunks);
  read_number(parameter(request, parts, "bytes"), spec.event_bytes);
  read_number(parameter(request, parts, "rate"), spec.rate);
  auto stream = SyntheticStream::make(spec);
  if (!stream) return refusal(400, stream.error());
  return {.headers = {{"Content-Type", std::string((*stream)->content_type())}}, .stream = *stream};
}

// Short response in the API of the path, not cut into pieces. Callers then break it in some way.
Script healthy(const Request& request) {
  bool anthropic = request.path().ends_with("/messages");
  auto stream = SyntheticStream::make({.api = anthropic ? "anthropic-messages" : "openai-chat", .chunks = 20}).value();
  Script script{.headers = {{"Content-Type", "text/event-stream"}}};
  script.body = stream->plain_body();
  return script;
}

struct FailKind {
  std::string_view name;
  std::string_view what;
  void (*apply)(Script&);
};

constexpr std::array kFailKinds{
    FailKind{"reset-before-head", "RST instead of an answer",
             [](Script& script) { script.ending = Ending::kReset, script.before_head = true; }},
    FailKind{"fin-before-head", "the connection is closed instead of an answer",
             [](Script& script) { script.ending = Ending::kFin, script.before_head = true; }},
    FailKind{"hang-before-head", "no answer ever",
             [](Script& script) { script.ending = Ending::kHang, script.before_head = true; }},
    FailKind{"reset-mid", "RST in the middle of the stream", [](Script& script) { script.ending = Ending::kReset; }},
    FailKind{"fin-mid", "the connection is closed in the middle of the stream",
             [](Script& script) { script.ending = Ending::kFin; }},
    FailKind{"close-mid", "a body without length is closed in the middle: HTTP sees nothing wrong",
             [](Script& script) { script.ending = Ending::kFin, script.framing = Framing::kClose; }},
    FailKind{"ended-mid", "HTTP ends properly in the middle of the stream",
             [](Script& script) { script.body.resize(script.body.size() / 2); }},
    FailKind{"hang", "silence in the middle of the stream", [](Script& script) { script.ending = Ending::kHang; }},
    FailKind{"truncated", "an HTTP chunk cut short", [](Script& script) { script.ending = Ending::kTruncatedChunk; }},
    FailKind{"short-length", "fewer bytes than Content-Length says",
             [](Script& script) {
               script.ending = Ending::kShortLength;
               script.framing = Framing::kContentLength;
             }},
    FailKind{"garbage", "bytes that are no HTTP in the middle of the stream",
             [](Script& script) { script.ending = Ending::kGarbage; }},
    FailKind{"html", "status 200 with an HTML page",
             [](Script& script) {
               script.headers = {{"Content-Type", "text/html"}};
               script.body = "<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>\n";
             }},
    FailKind{"redirect", "status 307 to another host",
             [](Script& script) {
               script = json_script(307, "{}");
               script.headers.emplace_back("Location", "http://other.invalid/");
             }},
    FailKind{"gzip-bomb", "a gzip body that unpacks to 1 GB",
             [](Script& script) {
               script.headers.emplace_back("Content-Encoding", "gzip");
               script.body = gzip_bomb(std::size_t{1} << 30);
             }},
    FailKind{"gzip-cut", "a gzip body cut short, in proper HTTP",
             [](Script& script) {
               script.headers.emplace_back("Content-Encoding", "gzip");
               script.body = gzip(std::string_view(script.body).substr(0, 65'535));
               script.body.resize(script.body.size() / 2);
             }},
    FailKind{"unknown-coding", "a content coding that nobody knows",
             [](Script& script) { script.headers.emplace_back("Content-Encoding", "rot13"); }},
    FailKind{"header-flood", "headers without end (600 KB, then silence)",
             [](Script& script) {
               script.raw = "HTTP/1.1 200 OK\r\n";
               while (script.raw.size() < 600'000) script.raw += "X-Filler: " + std::string(80, 'x') + "\r\n";
               script.ending = Ending::kHang;
             }},
    FailKind{"informational-flood", "100,000 heads of status 103, then silence",
             [](Script& script) {
               script.raw = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
               script.raw_repeated = 100'000;
               script.ending = Ending::kHang;
             }},
    FailKind{"two-lengths", "two lengths that contradict each other",
             [](Script& script) {
               script.raw = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 50\r\n\r\nhello";
               script.ending = Ending::kFin;
             }},
    FailKind{"late", "a good answer after 5 s",
             [](Script& script) { script.delay_before_head = std::chrono::seconds(5); }},
    FailKind{"empty", "status 200 with an empty body", [](Script& script) { script.body.clear(); }},
    FailKind{"slow", "100 bytes each 200 ms",
             [](Script& script) {
               script.cut = {.mode = Cut::Mode::kSizes, .sizes = std::vector<std::size_t>(1000, 100)};
               script.delay_between = std::chrono::milliseconds(200);
             }},
};

Script failure(const Request& request, std::string_view kind) {
  int status = 0;
  read_number(kind, status);
  if (status >= 200 && status <= 599) return refusal(status, "A failure on request.");
  const auto* found = std::ranges::find(kFailKinds, kind, &FailKind::name);
  if (found == kFailKinds.end()) return refusal(404, "There is no such kind of failure.");
  Script script = healthy(request);
  found->apply(script);
  return script;
}

}  // namespace

std::string fail_kinds() {
  std::string text;
  for (const FailKind& kind : kFailKinds) text.append("  ").append(kind.name).append(": ").append(kind.what) += "\n";
  return text;
}

Script Routes::answer(const Request& request) const {
  auto parts = segments(request.path());
  std::string_view first = parts.empty() ? "" : parts.front();
  if (parts.size() >= 2 && first == "fail") return failure(request, parts[1]);
  if (parts.size() >= 2 && first == "synthetic") return synthetic(request, std::span(parts).subspan(1));
  if (parts.size() >= 2 && first == "case") {
    auto found = cases.find(parts[1]);
    if (found == cases.end()) return refusal(404, "There is no such case.");
    Script script = found->second;
    script.cut = cut;
    script.delay_between = delay;
    return script;
  }
  if (demo && request.method == "POST") return demo_answer(request);
  return refusal(404, "Nothing is served here.");
}

}  // namespace aiw::tools
