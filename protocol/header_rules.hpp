// Rules for the headers of a request to a server (RFC 9110, RFC 9112). No I/O.
#pragma once

#include <optional>
#include <string_view>

namespace aiw {

// Returns true if `name` is a token and `value` has no control characters (RFC 9110, 5.1 and 5.5).
bool valid_header(std::string_view name, std::string_view value);

// Returns true for headers that HTTP itself sets: those that give the message length, the host or the connection's
// state, such as Content-Length, Host, Transfer-Encoding, Connection and Proxy-…. Ignores case. A character that is not
// a letter or digit counts as '-', because CGI and others map them to one.
bool is_framing_header(std::string_view name);

// Returns the reason why a chat's config may not set this header, without quoting the name; nullopt if it may.
std::optional<std::string_view> header_name_fault(std::string_view name);

}  // namespace aiw
