#include "worker/providers/bedrock/error.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "protocol/ascii.hpp"
#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/codec/http_error.hpp"
#include "worker/secrets/live_secret.hpp"

namespace aiw::bedrock {
namespace {

struct Meaning {
  std::string_view name;  // in lower case, without "exception"
  Category category;
  bool retryable;
};

// Amazon Bedrock API reference, "Common errors" and the errors of Converse, ConverseStream and InvokeModel.
constexpr std::array<Meaning, 21> kMeanings = {{
    {"accessdenied", Category::permission, false},
    {"expiredtoken", Category::auth, false},
    {"incompletesignature", Category::auth, false},
    {"internalfailure", Category::upstream, true},
    {"internalserver", Category::upstream, true},
    {"invalidclienttokenid", Category::auth, false},
    {"invalidsignature", Category::auth, false},
    {"missingauthenticationtoken", Category::auth, false},
    {"modelerror", Category::upstream, true},
    {"modelnotready", Category::overloaded, true},
    {"modelstreamerror", Category::upstream, true},
    {"modeltimeout", Category::timeout, true},
    {"notauthorized", Category::permission, false},
    {"optinrequired", Category::permission, false},
    {"requestexpired", Category::auth, false},
    {"resourcenotfound", Category::not_found, false},
    {"servicequotaexceeded", Category::rate_limit, false},
    {"serviceunavailable", Category::overloaded, true},
    {"throttling", Category::rate_limit, true},
    {"unrecognizedclient", Category::auth, false},
    {"validation", Category::invalid_request, false},
}};

// Returns "ThrottlingException" for "com.amazon.coral.availability#ThrottlingException:http://internal.amazon.com/…".
std::string_view bare_name(std::string_view type) {
  type = type.substr(0, type.find(':'));
  const std::size_t hash = type.rfind('#');
  return hash == std::string_view::npos ? type : type.substr(hash + 1);
}

// Returns `error` with the category of AWS's name for it.
Error classified(Error error, std::string_view name) {
  std::string key = ascii_lower(name);
  constexpr std::string_view kSuffix = "exception";
  if (key.ends_with(kSuffix)) key.resize(key.size() - kSuffix.size());
  const auto* found = std::ranges::find(kMeanings, key, &Meaning::name);
  if (found == kMeanings.end()) return error;
  error.category = found->category;
  error.retryable = found->retryable;
  return error;
}

std::string name_in(std::string_view body) {
  EventJson json;
  const auto root = json.parse(body);
  if (!root || !root->is_object()) return {};
  return json.text(*root, "__type");
}

}  // namespace

Error aws_http_error(const ResponseHead& head, std::string_view body) {
  constexpr std::size_t kMaxNameBytes = 256;
  Error error = http_error(head, body);
  const std::string_view header = head.header("x-amzn-errortype");
  // Redact before the name is cut out, which could leave a part of a key.
  const std::string type = without_live_secrets(header.empty() ? name_in(body) : std::string(header));
  const auto name = bare_name(type);
  if (!name.empty()) error.provider_code = bounded_message(name, kMaxNameBytes);
  if (error.provider_code.empty()) error.provider_code = "Unknown";  // AWS's SDKs report this name too
  return classified(std::move(error), name);
}

Error stream_error(std::string_view exception, std::string_view message) {
  return classified(in_stream_error(exception, message), bare_name(exception));
}

}  // namespace aiw::bedrock
