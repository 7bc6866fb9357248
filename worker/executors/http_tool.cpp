#include "worker/executors/http_tool.hpp"

#include <algorithm>
#include <utility>

#include "protocol/codes.hpp"
#include "worker/executors/http_tool_answer.hpp"
#include "worker/executors/http_tool_request.hpp"
#include "worker/executors/late_output.hpp"
#include "worker/executors/secret_values.hpp"
#include "worker/executors/tool_output.hpp"
#include "worker/secrets/resolved_text.hpp"

namespace aiw {
namespace {

using Kind = TextTemplate::Kind;

Error refuse(std::string code, std::string message) {
  return {.code = std::move(code),
          .category = Category::invalid_request,
          .message = std::move(message),
          .pointer = "/payload/tools"};
}

// Validates the URL template with a letter in each placeholder. No placeholder may reach the scheme or the host.
std::expected<BaseUrl, std::string> check_url(const TextTemplate& url) {
  std::string text;
  bool host_is_known = false;
  for (const auto& [kind, piece] : url.pieces) {
    if (kind != Kind::literal && !host_is_known) return std::unexpected("its host must stand before the first place");
    text += kind == Kind::literal ? piece : "x";
    const auto scheme_end = text.find("://");
    host_is_known = scheme_end != std::string::npos && text.find_first_of("/?", scheme_end + 3) != std::string::npos;
  }
  return parse_base_url(text);
}

struct ResolvedHeaders {
  std::vector<ToolHeader> headers;
  SecretValues keys;
};

std::expected<ResolvedHeaders, Error> resolve_headers(const HttpTool& tool, const BaseUrl& url,
                                                      const SecretResolver& secrets) {
  ResolvedHeaders resolved;
  std::size_t bytes = 0;
  for (const auto& [name, value] : tool.headers) {
    ToolHeader header{name, value};
    bool secret = names_a_secret(name);
    if (std::ranges::count(value.pieces, Kind::secret, &TextTemplate::Piece::kind) > std::ptrdiff_t{kMaxReferences}) {
      return std::unexpected(refuse(error_code::invalid_request, "a tool's header may have at most " +
                                                                     std::to_string(kMaxReferences) + " references"));
    }
    const bool is_literal = header.value.pieces.size() == 1 && header.value.pieces.front().kind == Kind::literal;
    if (secret && is_literal) resolved.keys.add(header.value.pieces.front().text);
    for (auto& [kind, text] : header.value.pieces) {
      if (kind == Kind::secret) {
        auto key = secrets(text, url);
        if (!key) return std::unexpected(std::move(key).error());
        resolved.keys.add(*key);
        text = *std::move(key);
        kind = Kind::literal;
        secret = true;
      }
      bytes += text.size();
      if (bytes > kMaxResolvedBytes) {
        return std::unexpected(refuse(error_code::invalid_request, "a tool's headers are at most 256 KiB"));
      }
      if (!valid_header(name, kind == Kind::literal ? text : "")) {
        return std::unexpected(
            refuse(error_code::invalid_request, "a tool's header has characters that no header may have"));
      }
    }
    if (secret && !url.https && !is_loopback(url.host)) {
      return std::unexpected(refuse(error_code::insecure_url, "a tool's key may go over http:// only to this machine"));
    }
    resolved.headers.push_back(std::move(header));
  }
  return resolved;
}

class HttpToolRun : public ToolRun, private HttpHandler {
 public:
  HttpToolRun(std::shared_ptr<const HttpTool> tool, std::shared_ptr<const SecretValues> keys,
              ToolOutputHandler on_output)
      : tool_(std::move(tool)), keys_(std::move(keys)), on_output_(std::move(on_output)) {}

  void start(HttpClient& http, HttpRequest request) {
    const HttpLimits limits{.max_body_bytes = static_cast<std::uint64_t>(tool_->max_bytes), .has_own_connection = true};
    transfer_ = http.start(std::move(request), limits, *this);
  }

 private:
  void on_head(const ResponseHead& head) override { head_ = head; }

  void on_body(std::string_view bytes) override {
    body_ += bytes;
    if (refused() && body_.size() > kMaxRefusalBytes) on_end(nullptr);
  }

  void on_end(const Error* error) override {
    if (error == nullptr || refused()) return end(http_tool_output(*tool_, head_, std::move(body_), *keys_));
    if (error->code == error_code::response_too_large) {
      return end(error_output("the answer is longer than " + std::to_string(tool_->max_bytes) + " bytes"));
    }
    end(error_output("the call failed: " + keys_->remove_from(error->message)));
  }

  [[nodiscard]] bool refused() const { return head_.status != 0 && (head_.status < 200 || head_.status > 299); }

  // The handler may destroy this object.
  void end(std::string output) {
    transfer_.reset();
    const auto on_output = std::move(on_output_);
    on_output(std::move(output));
  }

  const std::shared_ptr<const HttpTool> tool_;
  const std::shared_ptr<const SecretValues> keys_;
  ToolOutputHandler on_output_;
  ResponseHead head_;
  std::string body_;
  std::unique_ptr<HttpTransfer> transfer_;
};

class HttpToolRunner : public ToolRunner {
 public:
  HttpToolRunner(std::shared_ptr<const HttpTool> tool, ResolvedHeaders resolved, HttpClient& http, Clock& clock)
      : tool_(std::move(tool)),
        headers_(std::move(resolved.headers)),
        keys_(std::make_shared<const SecretValues>(std::move(resolved.keys))),
        http_(http),
        clock_(clock) {}

  std::unique_ptr<ToolRun> run(const ToolInvocation& call, ToolOutputHandler on_output) override {
    auto request = build_http_tool_request(*tool_, headers_, ToolArguments(call.arguments));
    if (!request) return answer_soon(clock_, error_output(request.error()), std::move(on_output));
    auto run = std::make_unique<HttpToolRun>(tool_, keys_, std::move(on_output));
    run->start(http_, *std::move(request));
    return run;
  }

 private:
  const std::shared_ptr<const HttpTool> tool_;
  const std::vector<ToolHeader> headers_;
  const std::shared_ptr<const SecretValues> keys_;
  HttpClient& http_;
  Clock& clock_;
};

}  // namespace

std::expected<std::shared_ptr<ToolRunner>, Error> make_http_tool(std::shared_ptr<const HttpTool> tool, HttpClient& http,
                                                                 Clock& clock, const SecretResolver& secrets) {
  const auto url = check_url(tool->url);
  if (!url) return std::unexpected(refuse(error_code::invalid_request, "the url of a tool: " + url.error()));
  auto headers = resolve_headers(*tool, *url, secrets);
  if (!headers) return std::unexpected(std::move(headers).error());
  return std::make_shared<HttpToolRunner>(std::move(tool), *std::move(headers), http, clock);
}

}  // namespace aiw
