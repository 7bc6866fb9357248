#include "worker/agent/call_ids.hpp"

#include <utility>
#include <variant>

#include "protocol/json_text.hpp"

namespace aiw {
namespace {

// Limit on a call id, because every frame of a call repeats it; longer ones are cut. No API makes ids longer than 64
// bytes.
constexpr std::size_t kMaxIdBytes = 512;

}  // namespace

const std::string& CallIds::find_or_make(int part, std::string_view provider_id) {
  const auto known = by_provider_id_.find(provider_id);
  if (known == by_provider_id_.end()) {
    take_history();
    std::string own = make_unused(std::string(utf8_prefix(provider_id, kMaxIdBytes)), transcript_.messages().size());
    return by_provider_id_.emplace(provider_id, OwnIds{part, std::move(own)}).first->second.first;
  }
  OwnIds& ids = known->second;
  if (part < 0 || part == ids.first_part) return ids.first;
  std::string& other = ids.others[part];
  if (other.empty()) other = make_unused(ids.first, static_cast<std::size_t>(part));
  return other;
}

// Marks the ids of the history as used. Ids of calls that are added later were made here.
void CallIds::take_history() {
  if (std::exchange(has_history_, true)) return;
  for (const auto& message : transcript_.messages()) {
    for (const auto& part : message.parts) {
      if (const auto* call = std::get_if<ToolCallPart>(&part)) used_.insert(call->tool_call_id.text());
    }
  }
}

// Returns `id`, with `suffix` or else another number if it is used. A provider may have used any of these ids. Each
// used one is met at most once, because every number is tried once in a chat: all searches together are linear.
std::string CallIds::make_unused(std::string id, std::size_t suffix) {
  if (used_.insert(id).second) return id;
  std::string own = id + "_" + std::to_string(suffix);
  while (!used_.insert(own).second) own = id + "_" + std::to_string(++last_suffix_);
  return own;
}

}  // namespace aiw
