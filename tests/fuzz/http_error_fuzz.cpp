// Feeds any bytes as the head and the body of an HTTP error.
#include "protocol/json_text.hpp"
#include "tests/fuzz/fuzz_input.hpp"
#include "worker/base/retry_after.hpp"
#include "worker/providers/codec/http_error.hpp"

namespace {

using namespace aiw;

constexpr std::string_view kNames[] = {"retry-after",
                                       "retry-after-ms",
                                       "x-should-retry",
                                       "content-type",
                                       "x-request-id",
                                       "date",
                                       "x-ratelimit-remaining-requests",
                                       "x-ratelimit-reset-requests"};

}  // namespace

// Data layout: a byte that selects the status, lines of header values in the order of kNames, an empty line, the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  std::string_view rest(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  ResponseHead head{.status = 400 + bytes[0] % 200, .headers = {}};
  for (const auto name : kNames) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.empty()) break;
    head.headers.emplace_back(name, line);
  }
  const auto now = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);
  const Error error = http_error(head, rest, now);
  fuzz::require(error.code == "upstream_http" && error.status == head.status, "it is an HTTP error");
  fuzz::require(!error.message.empty() && error.message.size() <= kMaxErrorMessageBytes, "a message within its limit");
  for (const auto& text : {error.message, error.provider_code, error.request_id}) {
    fuzz::require(sanitize_utf8(text) == text, "valid UTF-8");
  }
  if (head.header("content-type").find("html") != std::string_view::npos && !rest.empty() && rest.front() == '<') {
    fuzz::require(error.message.size() <= kMaxHtmlMessageBytes, "a page in a few words");
  }
  if (error.retry_after_ms) fuzz::require(*error.retry_after_ms > 0, "a delay is positive");
  return 0;
}
