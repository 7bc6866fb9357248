#include "worker/agent/transcript.hpp"

#include <iterator>

#include "protocol/decode.hpp"

namespace aiw {

void Transcript::add(std::string json) {
  added_.push_back(std::move(json));
  auto messages = decode_messages(added_.back());
  messages_.insert(messages_.end(), std::make_move_iterator(messages.begin()), std::make_move_iterator(messages.end()));
}

std::string Transcript::added(std::string last) const {
  if (added_.empty() && !last.empty()) return last;
  std::string out = "[";
  const auto append = [&](std::string_view array) {
    if (array.size() <= 2) return;
    if (out.size() > 1) out += ',';
    out += array.substr(1, array.size() - 2);
  };
  for (const auto& array : added_) append(array);
  append(last);
  out += ']';
  return out;
}

}  // namespace aiw
