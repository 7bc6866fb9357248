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

std::string_view output_value(std::string_view output) {
  constexpr std::string_view kValue = R"("value":)";
  const auto at = output.find(kValue);
  if (at == std::string_view::npos) return {};
  output.remove_prefix(at + kValue.size());
  return output.substr(0, output.size() - 1);
}

}  // namespace aiw
