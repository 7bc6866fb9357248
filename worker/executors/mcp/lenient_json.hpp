// JSON as lenient parsers (JavaScript, Python) accept it, for messages of servers that do not write strict JSON. Pure
// functions.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace aiw {

// Returns `text` as JSON that every parser reads the same way. Escapes raw control characters in strings. Keeps the
// last of several members with the same key. Converts NaN, Infinity and numbers beyond a double to strings, as written.
// Error: remaining syntax error, in words that do not quote the text. Takes linear time.
std::expected<std::string, std::string> to_strict_json(std::string_view text, int max_depth);

// Returns the member `id`, as written, of each JSON-RPC response at the top level or in a top-level array. A response
// has `result` or `error`, and no `method`. The text need not be valid JSON; ids that cannot be found are omitted.
std::vector<std::string_view> find_response_ids(std::string_view text);

}  // namespace aiw
