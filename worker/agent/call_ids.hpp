// Ids of a chat's tool calls. No two calls of a chat have the same id, because results and approvals name a call only
// by its id.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "worker/agent/transcript.hpp"

namespace aiw {

// Gives out ids that are unique in the whole chat: the received history, all steps and all attempts. A call keeps the
// provider's id if no other call had it. Otherwise it gets a suffix: some servers give the first call of every step the
// same id, or parallel calls one id, or none (the decoder then counts from 0).
class CallIds {
 public:
  // `transcript` must outlive this object.
  explicit CallIds(const Transcript& transcript) : transcript_(transcript) {}

  // Call before each attempt: from here on, a provider id names another call than before.
  void begin_attempt() { by_provider_id_.clear(); }
  // Returns our id of the call in part `part` of the response; with -1, of the first call with this provider id.
  const std::string& find_or_make(int part, std::string_view provider_id);

 private:
  // Our ids of the calls of one attempt that share a provider id.
  struct OwnIds {
    int first_part;
    std::string first;
    std::map<int, std::string> others{};  // by part
  };

  void take_history();
  std::string make_unused(std::string id, std::size_t suffix);

  const Transcript& transcript_;
  bool has_history_ = false;
  std::set<std::string, std::less<>> used_;  // every id of the chat, also of attempts that failed
  std::size_t last_suffix_ = 0;              // never repeated, so the search for an unused id is short
  std::map<std::string, OwnIds, std::less<>> by_provider_id_;
};

}  // namespace aiw
