#include "worker/providers/codec/logprobs_writer.hpp"

#include <utility>

namespace aiw {

void LogprobsWriter::token(std::string_view text, double logprob) {
  end_token();
  entry(text, logprob);
  in_token_ = true;
}

void LogprobsWriter::alternative(std::string_view text, double logprob) {
  if (!std::exchange(in_alternatives_, true)) writer_.key("topLogprobs").begin_array();
  entry(text, logprob);
  writer_.end_object();
}

std::string_view LogprobsWriter::finish() {
  end_token();
  writer_.end_array();
  return out_;
}

void LogprobsWriter::entry(std::string_view text, double logprob) {
  writer_.begin_object().field("token", text).field("logprob", logprob);
}

void LogprobsWriter::end_token() {
  if (std::exchange(in_alternatives_, false)) writer_.end_array();
  if (in_token_) writer_.end_object();
}

namespace {

std::optional<double> read_logprob(const JsonElement& entry) {
  const auto member = get_member(entry, "logprob");
  double value = 0;
  if (!member || member->get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

}  // namespace

void add_token_entries(const EventJson& json, const JsonElement& entries, LogprobsWriter& out) {
  for (const JsonElement entry : elements_of(entries)) {
    const auto logprob = read_logprob(entry);
    if (!logprob) continue;
    out.token(json.text(entry, "token"), *logprob);
    for (const JsonElement other : elements_of(entry, "top_logprobs")) {
      if (const auto likelihood = read_logprob(other)) out.alternative(json.text(other, "token"), *likelihood);
    }
  }
}

void add_token_arrays(const EventJson& json, const JsonElement& arrays, LogprobsWriter& out) {
  const auto values = elements_of(arrays, "token_logprobs"), tops = elements_of(arrays, "top_logprobs");
  auto value = values.begin(), top = tops.begin();
  for (const JsonElement token : elements_of(arrays, "tokens")) {
    if (!(value != values.end())) return;
    std::string_view text;
    double likelihood = 0;
    const bool known = token.get(text) == simdjson::SUCCESS && (*value).get(likelihood) == simdjson::SUCCESS;
    if (known) out.token(json.plain_text(text), likelihood);
    ++value;
    if (!(top != tops.end())) continue;
    for (const auto [name, number] : known ? members_of(*top) : JsonMembers()) {
      if (number.get(likelihood) == simdjson::SUCCESS) out.alternative(json.plain_text(name), likelihood);
    }
    ++top;
  }
}

}  // namespace aiw
