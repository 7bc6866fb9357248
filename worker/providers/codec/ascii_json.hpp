// JSON text in printable ASCII, so that a provider state survives the storage of any parent.
#pragma once

#include <string>
#include <string_view>

namespace aiw {

// Converts `json`, valid JSON in UTF-8, to printable ASCII. All other characters in strings become escapes, which mean
// the same. Other white space becomes spaces.
std::string to_ascii_json(std::string_view json);

}  // namespace aiw
