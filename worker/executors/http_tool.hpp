// Tool that is an HTTP endpoint.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/error.hpp"
#include "protocol/http_tool.hpp"
#include "worker/base/clock.hpp"
#include "worker/base/http_client.hpp"
#include "worker/base/url.hpp"
#include "worker/executors/tool_runner.hpp"

namespace aiw {

// Resolves ${NAME} or ${file:PATH} to the key, if the key may be sent to that URL. The rules are those for providers'
// keys.
using SecretResolver = std::function<std::expected<std::string, Error>(std::string_view reference, const BaseUrl& to)>;

// Resolves the tool's keys immediately. Error: the URL is not allowed, or a key cannot be resolved or must not be sent
// to it; the message never contains a key. Calls are never retried, and redirects are not followed. Only a transport
// may resend an idempotent request, after a reused connection died. The services must outlive the runner and its runs.
std::expected<std::shared_ptr<ToolRunner>, Error> make_http_tool(std::shared_ptr<const HttpTool> tool, HttpClient& http,
                                                                 Clock& clock, const SecretResolver& secrets);

}  // namespace aiw
