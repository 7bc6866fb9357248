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

void Transcript::write_added(Rope& out) const {
  bool first = true;
  for (const std::string_view array : added_) {
    if (!std::exchange(first, false)) out.append(",");
    out.splice(array.substr(1, array.size() - 2));
  }
}

}  // namespace aiw
