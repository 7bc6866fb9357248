#include "worker/executors/tool_output.hpp"

#include "protocol/json_text.hpp"
#include "protocol/json_writer.hpp"

namespace aiw {
namespace {

std::string output(std::string_view type, std::string_view text) {
  std::string json;
  JsonWriter(json).begin_object().field("type", type).field("value", text).end_object();
  return json;
}

}  // namespace

std::string error_output(std::string_view text) { return output("error-text", text); }
std::string text_output(std::string_view text) { return output("text", text); }

std::string json_output(std::string_view value) {
  std::string json;
  JsonWriter(json).begin_object().field("type", "json").field("value", JsonSpan{value}).end_object();
  return json;
}

}  // namespace aiw
