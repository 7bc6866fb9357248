// Tool outputs as JSON text: {type, value}, in the format of `tool_result`.
#pragma once

#include <string>
#include <string_view>

namespace aiw {

// Error description, which the model sees.
std::string error_output(std::string_view text);
std::string text_output(std::string_view text);
// `value` must be valid JSON.
std::string json_output(std::string_view value);
// Returns a view of the JSON of `value` in such an output; empty if there is none.
std::string_view output_value(std::string_view output);

}  // namespace aiw
