// Output of a tool that the provider ran, as reported in events: {"type":"error-json","value":…}.
#pragma once

#include <string>
#include <string_view>

#include "protocol/json_writer.hpp"

namespace aiw {

// `type` is "text" or "json"; `value` is valid JSON.
inline std::string tool_output_json(std::string_view type, bool failed, std::string_view value) {
  std::string json;
  JsonWriter(json)
      .begin_object()
      .field("type", std::string(failed ? "error-" : "").append(type))
      .field("value", JsonSpan{value})
      .end_object();
  return json;
}

}  // namespace aiw
