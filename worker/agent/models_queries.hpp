// The model lists that are being requested, by the id of the line that asked.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/agent/models_query.hpp"

namespace aiw {

class ModelsQueries {
 public:
  // The references must outlive this object.
  ModelsQueries(Clock& clock, HttpClient& http, MemoryAccounts& memory, TokenCache& tokens)
      : clock_(clock), http_(http), memory_(memory), tokens_(tokens) {}

  // Returns an error if no query can start now: a line of that id asked already, or too many queries run.
  [[nodiscard]] std::optional<Error> refusal(std::string_view id) const;
  // Starts a query, which refusal() must allow. `on_done` is called once, never within this call. Returns an error if
  // the API has no list, or if too many queries run for this provider.
  std::optional<Error> start(const std::string& id, Target target, std::function<void(ModelsQuery::Result)> on_done);
  // Ends every query without a call of its `on_done`. Returns their ids.
  std::vector<std::string> abandon_all();
  [[nodiscard]] bool empty() const { return running_.empty(); }

 private:
  [[nodiscard]] bool is_full_for(const Target& target) const;

  Clock& clock_;
  HttpClient& http_;
  MemoryAccounts& memory_;
  TokenCache& tokens_;
  std::map<std::string, std::unique_ptr<ModelsQuery>, std::less<>> running_;
};

}  // namespace aiw
