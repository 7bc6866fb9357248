// Who holds how much of the process' memory, and who must go when it gets short.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "protocol/error.hpp"

namespace aiw {

// Bytes of heap that this thread has taken less those that it has given back: operators new and delete count them
// (worker/new_and_delete.cpp). Memory that changes threads makes it wrong by that much, so only differences count.
inline constinit thread_local std::ptrdiff_t thread_heap = 0;

class MemoryAccounts;

// The memory of one owner: a chat, a query, an MCP server. What the loop's thread takes and gives back within the
// owner's scopes is its own, so that no place that keeps bytes has to count them. Loop thread only.
class MemoryAccount : public std::enable_shared_from_this<MemoryAccount> {
 public:
  // Ends the owner; called from the loop, never within a scope, at most once.
  using End = std::function<void(const Error& error)>;

  MemoryAccount(MemoryAccounts& all, End end);
  ~MemoryAccount();
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;

  // The account in whose scope this is called; nullptr outside of any.
  static MemoryAccount* current();
  // Asks for `bytes` at once, before they are taken. False if they do not fit, into what its owner may hold or into the
  // process: the current account's owner is ended.
  static bool fits(std::size_t bytes);

  // What the current account had taken is nobody's from now on; less than 0: the other way round.
  static void hand_over(std::ptrdiff_t bytes);

  // To be called for bytes from outside, before they are kept: they may fill memory that was taken, but not touched.
  void came_in(std::size_t bytes);
  // Adds what another thread took for this owner.
  void bring(std::size_t bytes) { brought_ += bytes; }
  // The owner has ended by itself: nobody is to be ended any more.
  void close() { end_ = nullptr; }
  [[nodiscard]] std::size_t used() const;
  // Set once the owner has more than it may, or had to go for others: nothing more may be taken in for it.
  [[nodiscard]] const std::optional<Error>& over() const { return over_; }

 private:
  friend class MemoryAccounts;
  friend class MemoryScope;
  void end_soon(Error error);
  void check();

  MemoryAccounts& all_;
  End end_;
  std::ptrdiff_t grown_ = 0;
  std::size_t brought_ = 0;
  std::optional<Error> over_;
};

// From here to its end, what is taken and given back is the account's. Scopes nest, and the inner one counts alone.
// The account outlives the scope. nullptr: nobody's.
class MemoryScope {
 public:
  explicit MemoryScope(MemoryAccount* account);
  ~MemoryScope();
  MemoryScope(const MemoryScope&) = delete;
  MemoryScope& operator=(const MemoryScope&) = delete;

 private:
  MemoryAccount* const outer_;
};

struct MemoryServices {
  std::size_t limit = 0;                              // bytes of the process; 0: none is known
  std::function<std::size_t()> resident{};            // bytes of the process, once free memory was given back
  std::function<void(std::function<void()>)> post{};  // runs an action on the loop right after the current event
};

// All accounts of the process. While more than 7/8 of the limit are resident, the owners that hold most are
// ended, one after the other, until the rest fits. Outlives its accounts.
class MemoryAccounts {
 public:
  explicit MemoryAccounts(MemoryServices services);
  MemoryAccounts(const MemoryAccounts&) = delete;
  MemoryAccounts& operator=(const MemoryAccounts&) = delete;

  std::shared_ptr<MemoryAccount> open(MemoryAccount::End end) {
    return std::make_shared<MemoryAccount>(*this, std::move(end));
  }
  // To be called after each turn of the loop: sees also the memory that is nobody's.
  void turn_ended();
  // Bytes that one owner may hold.
  [[nodiscard]] std::size_t owner_limit() const { return owner_limit_; }

 private:
  friend class MemoryAccount;
  friend class MemoryScope;
  void grew() {
    if (thread_heap - measured_at_ >= step_) measure();
  }
  void measure();
  void shed(std::size_t resident);
  [[nodiscard]] bool fits(std::size_t bytes) const;

  const MemoryServices services_;
  const std::size_t most_;
  const std::size_t owner_limit_;
  const std::ptrdiff_t step_;       // of growth, after which memory is measured
  std::ptrdiff_t measured_at_ = 0;  // thread_heap then, less what has come in since
  unsigned turns_ = 0;
  std::vector<MemoryAccount*> accounts_;
};

}  // namespace aiw
