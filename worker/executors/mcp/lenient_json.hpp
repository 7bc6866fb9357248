// JSON as lenient parsers read it (JavaScript's, Python's), for messages of servers whose writers are careless. Pure.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace aiw {

// Returns `text` as JSON that every parser reads alike: raw control characters in strings are escaped; of members with
// the same key the last one stays; NaN, Infinity and numbers beyond a double become strings, as they were written.
// Error: what is still wrong, in words that do not quote the text. Takes time in proportion to the text.
std::expected<std::string, std::string> to_strict_json(std::string_view text, int max_depth);

// Returns the member `id`, as written, of each JSON-RPC response (it has `result` or `error`, and no `method`) at the
// top of the text or in an array at its top. The text need not be JSON; what cannot be found in it is left out.
std::vector<std::string_view> find_response_ids(std::string_view text);

}  // namespace aiw
