#include "worker/agent/transcript.hpp"

#include <iterator>
#include <utility>

#include "protocol/decode.hpp"

namespace aiw {

void Transcript::add(std::string json) {
  added_bytes_ += json.size();
  added_.push_back(std::move(json));
  auto messages = decode_messages(added_.back());
  messages_.insert(messages_.end(), std::make_move_iterator(messages.begin()), std::make_move_iterator(messages.end()));
}

bool Transcript::has_call(std::string_view id) {
  for (; indexed_ < messages_.size(); ++indexed_) {
    for (const auto& part : messages_[indexed_].parts) {
      if (const auto* call = std::get_if<ToolCallPart>(&part)) call_ids_.insert(call->tool_call_id.text());
    }
  }
  return call_ids_.contains(std::string(id));
}

void Transcript::write_added(Rope& out) const {
  bool first = true;
  for (const std::string_view array : added_) {
    if (!std::exchange(first, false)) out.append(",");
    out.splice(array.substr(1, array.size() - 2));
  }
}

}  // namespace aiw
