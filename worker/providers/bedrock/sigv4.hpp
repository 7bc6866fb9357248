// AWS Signature Version 4 for requests with headers
// (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>

#include "protocol/error.hpp"
#include "worker/base/http_message.hpp"
#include "worker/providers/provider.hpp"

namespace aiw::bedrock {

struct SigV4Scope {
  std::string_view region, service;
  std::chrono::sys_seconds now;
};

// Returns the text whose hash is signed. Sets `signed_headers` to the names of the headers in it, separated by
// semicolons. The path is taken from the URL as it is and encoded once more, as for every service except S3.
std::string sigv4_canonical_request(const HttpRequest& request, std::string_view body_hash,
                                    std::string& signed_headers);

// Adds X-Amz-Date, X-Amz-Security-Token and Authorization. The request must not change afterwards. Signs all headers
// except those that proxies and HTTP libraries may change. Error: libcrypto is missing.
std::expected<void, Error> sign_sigv4(HttpRequest& request, const AwsKeys& keys, const SigV4Scope& scope);

}  // namespace aiw::bedrock
