#include "worker/providers/openai_logprobs.hpp"

#include "protocol/json_writer.hpp"

namespace aiw {
namespace {

// False: it is none.
bool begin_token(const EventJson& json, const JsonElement& token, JsonWriter& out) {
  const auto text = get_string(token, "token");
  const auto logprob = get_member(token, "logprob");
  double number = 0;
  if (!text || !logprob || logprob->get(number) != simdjson::SUCCESS) return false;
  out.begin_object().field("token", json.plain_text(*text)).field("logprob", number);
  return true;
}

}  // namespace

std::string read_openai_logprobs(const EventJson& json, const JsonElement& tokens) {
  simdjson::dom::array list;
  if (tokens.get(list) != simdjson::SUCCESS || list.begin() == list.end()) return {};
  std::string text;
  JsonWriter out(text);
  out.begin_array();
  for (const JsonElement token : list) {
    if (!begin_token(json, token, out)) continue;
    const auto top = get_array(token, "top_logprobs");
    if (top && top->begin() != top->end()) {
      out.key("topLogprobs").begin_array();
      for (const JsonElement other : *top) {
        if (begin_token(json, other, out)) out.end_object();
      }
      out.end_array();
    }
    out.end_object();
  }
  out.end_array();
  return text == "[]" ? std::string() : text;
}

}  // namespace aiw
