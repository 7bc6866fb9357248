// The declarations of LeanSpec's tools (tools.json), built into the binary.
#pragma once

#include <string_view>

namespace aiw {

// An array of {name, description, inputSchema, http | edit}: `http` is the declaration of an HTTP tool whose url begins
// behind the project's; `edit` names a change that is made to the spec's text (markdown_edit.hpp).
std::string_view leanspec_tools_json();

}  // namespace aiw
