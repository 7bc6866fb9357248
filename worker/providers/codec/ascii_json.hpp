// JSON text in printable ASCII, so that state for a provider survives any parent's storage.
#pragma once

#include <string>
#include <string_view>

namespace aiw {

// `json`, valid JSON in UTF-8, with escapes for all characters that are not printable ASCII and spaces for its other
// white space. Outside its strings JSON is ASCII; inside them an escape means the same.
std::string to_ascii_json(std::string_view json);

}  // namespace aiw
