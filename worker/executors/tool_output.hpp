// The outputs of tools as JSON text, {type, value}, in the shape of `tool_result`.
#pragma once

#include <string>
#include <string_view>

namespace aiw {

// What went wrong, for the model to see.
std::string error_output(std::string_view text);
std::string text_output(std::string_view text);
// `value` is valid JSON.
std::string json_output(std::string_view value);
// The value's JSON of such an output; empty: it has none. A view of it.
std::string_view output_value(std::string_view output);

}  // namespace aiw
