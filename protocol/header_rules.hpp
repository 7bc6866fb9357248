// Which headers a request to a server may carry (RFC 9110, RFC 9112). No I/O.
#pragma once

#include <optional>
#include <string_view>

namespace aiw {

// True if `name` is a token and `value` is free of control characters (RFC 9110, 5.1 and 5.5).
bool valid_header(std::string_view name, std::string_view value);

// True for a header that says where a message ends, which host it is for, or how a connection goes on: Content-Length,
// Host, Transfer-Encoding, Connection, Proxy-… and their like. These are HTTP's own. Any case; each character that is
// no letter or digit counts as '-', because CGI and others map them to one.
bool is_framing_header(std::string_view name);

// Why a chat's config may not name this header, in words that do not repeat it; nothing if it may.
std::optional<std::string_view> header_name_fault(std::string_view name);

}  // namespace aiw
