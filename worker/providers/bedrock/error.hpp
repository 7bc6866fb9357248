// Conversion of AWS errors, in HTTP responses and inside streams, to Error.
#pragma once

#include <string_view>

#include "protocol/error.hpp"
#include "worker/base/http_message.hpp"

namespace aiw::bedrock {

// Fits WireApi::http_error. The error's name comes from x-amzn-errortype, else from the body's __type.
Error aws_http_error(const ResponseHead& head, std::string_view body);

// Returns the Error for an exception inside a stream, by its name ("throttlingException").
Error stream_error(std::string_view exception, std::string_view message);

}  // namespace aiw::bedrock
