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
  simdjson::dom::array list;
  if (entries.get(list) != simdjson::SUCCESS) return;
  for (const JsonElement entry : list) {
    const auto logprob = read_logprob(entry);
    if (!logprob) continue;
    out.token(json.plain_text(get_string_or_empty(entry, "token")), *logprob);
    const auto others = get_array(entry, "top_logprobs");
    if (!others) continue;
    for (const JsonElement other : *others) {
      if (const auto likelihood = read_logprob(other)) {
        out.alternative(json.plain_text(get_string_or_empty(other, "token")), *likelihood);
      }
    }
  }
}

}  // namespace aiw
