#include "worker/providers/openai_logprobs.hpp"

#include "protocol/json_writer.hpp"

namespace aiw {
namespace {

// False if it is no token with its probability.
bool write_token(const EventJson& json, const JsonElement& entry, JsonWriter& writer) {
  const auto token = get_string(entry, "token");
  const auto logprob = get_member(entry, "logprob");
  double value = 0;
  if (!token || !logprob || logprob->get(value) != simdjson::SUCCESS) return false;
  writer.begin_object().field("token", std::string_view(json.plain_text(*token))).field("logprob", value);
  return true;
}

}  // namespace

std::string read_openai_logprobs(const EventJson& json, const JsonElement& tokens) {
  simdjson::dom::array entries;
  if (tokens.get(entries) != simdjson::SUCCESS || entries.size() == 0) return {};
  std::string out;
  JsonWriter writer(out);
  writer.begin_array();
  for (const JsonElement entry : entries) {
    if (!write_token(json, entry, writer)) continue;
    const auto top = get_array(entry, "top_logprobs");
    if (top && top->size() > 0) {
      writer.key("topLogprobs").begin_array();
      for (const JsonElement other : *top) {
        if (write_token(json, other, writer)) writer.end_object();
      }
      writer.end_array();
    }
    writer.end_object();
  }
  writer.end_array();
  return out == "[]" ? std::string() : out;
}

}  // namespace aiw
