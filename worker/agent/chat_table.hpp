// The chats of a server by id: those that run, those that wait for a slot, and the ids of those that ended.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "worker/agent/chat_run.hpp"

namespace aiw {

class ChatTable {
 public:
  // Returns the running or queued chat of that id; nullptr if there is none.
  [[nodiscard]] ChatRun* find(std::string_view id) const;
  // Returns true if a chat of that id ended, as one of the last 10,000.
  [[nodiscard]] bool has_ended(std::string_view id) const { return past_ids_.contains(id); }
  [[nodiscard]] std::size_t running() const { return running_.size(); }
  [[nodiscard]] std::size_t queued() const { return queue_.size(); }
  // Size of the queued chats, as given to enqueue().
  [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_; }
  // Ids of all chats, queued ones first. Calls on a run may end it and so change the table.
  [[nodiscard]] std::vector<std::string> ids() const;

  // No chat of that id may be in the table. The caller starts the run.
  ChatRun& add_running(std::string id, std::unique_ptr<ChatRun> run);
  void enqueue(std::string id, std::unique_ptr<ChatRun> run, std::size_t bytes);
  // Moves the first queued chat to the running ones. Requires queued() > 0. The caller starts the run.
  ChatRun& run_next();
  // Moves a chat aside that has ended. Its functions may be on the stack, so destroy_ended() destroys it later.
  void end(const std::string& id);
  void destroy_ended() { ended_.clear(); }
  // Destroys the running and queued chats. None of their functions may be on the stack.
  void destroy_all();

 private:
  struct Waiting {
    std::string id;
    std::unique_ptr<ChatRun> run;
    std::size_t bytes = 0;
  };

  std::unique_ptr<ChatRun> take_queued(std::deque<Waiting>::iterator waiting);
  void remember(const std::string& id);

  std::map<std::string, std::unique_ptr<ChatRun>, std::less<>> running_;
  std::deque<Waiting> queue_;
  std::map<std::string, ChatRun*, std::less<>> queued_ids_;
  std::size_t queued_bytes_ = 0;
  std::vector<std::unique_ptr<ChatRun>> ended_;
  std::deque<std::string> past_order_;  // oldest first
  std::set<std::string, std::less<>> past_ids_;
};

}  // namespace aiw
