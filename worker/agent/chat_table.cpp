#include "worker/agent/chat_table.hpp"

#include <algorithm>
#include <utility>

namespace aiw {
namespace {

constexpr std::size_t kRememberedIds = 10'000;

}  // namespace

ChatRun* ChatTable::find(std::string_view id) const {
  if (const auto running = running_.find(id); running != running_.end()) return running->second.get();
  const auto waiting = queued_ids_.find(id);
  return waiting == queued_ids_.end() ? nullptr : waiting->second;
}

std::vector<std::string> ChatTable::ids() const {
  std::vector<std::string> ids;
  ids.reserve(queue_.size() + running_.size());
  for (const auto& waiting : queue_) ids.push_back(waiting.id);
  for (const auto& [id, run] : running_) ids.push_back(id);
  return ids;
}

ChatRun& ChatTable::add_running(std::string id, std::unique_ptr<ChatRun> run) {
  return *running_.emplace(std::move(id), std::move(run)).first->second;
}

void ChatTable::enqueue(std::string id, std::unique_ptr<ChatRun> run, std::size_t bytes) {
  queued_ids_.emplace(id, run.get());
  queue_.push_back({std::move(id), std::move(run), bytes});
  queued_bytes_ += bytes;
}

ChatRun& ChatTable::run_next() {
  std::string id = queue_.front().id;
  return add_running(std::move(id), take_queued(queue_.begin()));
}

std::unique_ptr<ChatRun> ChatTable::take_queued(std::deque<Waiting>::iterator waiting) {
  queued_bytes_ -= waiting->bytes;
  queued_ids_.erase(waiting->id);
  auto run = std::move(waiting->run);
  queue_.erase(waiting);
  return run;
}

void ChatTable::end(const std::string& id) {
  remember(id);
  if (const auto running = running_.find(id); running != running_.end()) {
    ended_.push_back(std::move(running->second));
    running_.erase(running);
  } else if (const auto waiting = std::ranges::find(queue_, id, &Waiting::id); waiting != queue_.end()) {
    ended_.push_back(take_queued(waiting));
  }
}

void ChatTable::remember(const std::string& id) {
  if (!past_ids_.insert(id).second) return;
  past_order_.push_back(id);
  if (past_order_.size() <= kRememberedIds) return;
  past_ids_.erase(past_order_.front());
  past_order_.pop_front();
}

void ChatTable::destroy_all() {
  queued_ids_.clear();
  queued_bytes_ = 0;
  const auto running = std::exchange(running_, {});
  const auto queued = std::exchange(queue_, {});
}

}  // namespace aiw
