// Runs a tool that is an HTTP endpoint.
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

// Turns ${NAME} or ${file:PATH} into the key that may go to that URL, by the rules for providers' keys.
using SecretResolver = std::function<std::expected<std::string, Error>(std::string_view reference, const BaseUrl& to)>;

// Resolves the tool's keys now. Error: a URL that may not be used, a key that cannot be had or must not go there; it
// never repeats a key. Nothing is ever sent twice, and redirects are answers like others. Services outlive the runner
// and its runs.
std::expected<std::shared_ptr<ToolRunner>, Error> make_http_tool(std::shared_ptr<const HttpTool> tool, HttpClient& http,
                                                                 Clock& clock, const SecretResolver& secrets);

}  // namespace aiw
