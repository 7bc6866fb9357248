// Declarations of LeanSpec's tools (tools.json), embedded in the binary.
#pragma once

#include <string_view>

namespace aiw {

// Returns an array of {name, description, inputSchema, http | edit}. `http` declares an HTTP tool; its url is appended
// to the project's URL. `edit` names an edit of the spec's text (spec_edit_tool.hpp).
std::string_view leanspec_tools_json();

}  // namespace aiw
