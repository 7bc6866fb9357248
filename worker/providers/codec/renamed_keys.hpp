// Other names for the members of objects in a JSON text.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace aiw {

// `json` with another name for each member that `names` knows, at any depth; both names are unescaped. Nothing: it has
// no such member, or would grow to more than twice its size and 1 MiB. Takes time in proportion to `json`, whatever the
// number of names; text that is not JSON stays.
std::optional<std::string> with_renamed_keys(std::string_view json,
                                             const std::map<std::string, std::string, std::less<>>& names);

}  // namespace aiw
