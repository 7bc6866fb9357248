// Memory accounting: the memory held by each owner, and the owners to close when memory is short.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "protocol/error.hpp"

namespace aiw {

// Heap bytes that this thread has allocated minus those it has freed, counted by operators new and delete
// (worker/new_and_delete.cpp). Memory freed by another thread makes it wrong by that amount, so only differences are
// used.
inline constinit thread_local std::ptrdiff_t thread_heap = 0;

class MemoryAccounts;

// Memory of one owner: a chat, a query or an MCP server. Charged for what the loop thread allocates and frees in the
// owner's scopes; code that keeps bytes need not count them. Loop thread only.
class MemoryAccount : public std::enable_shared_from_this<MemoryAccount> {
 public:
  // Closes the owner. Called from the loop, never in a scope, at most once.
  using End = std::function<void(const Error& error)>;

  MemoryAccount(MemoryAccounts& all, End end);
  ~MemoryAccount();
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;

  // Returns the account of the current scope; nullptr outside of any scope.
  static MemoryAccount* current();
  // Checks an allocation of `bytes` before it is made. Returns false if it exceeds the owner's limit or the process
  // limit; the owner of the current account is then closed.
  static bool fits(std::size_t bytes);

  // Call before each thing that is kept or sent, where one turn of the loop may keep or send many. Measures what the
  // current owner took so far, in a few instructions. Returns false if the owner is over a limit: drop the thing. The
  // owner is closed soon.
  static bool may_grow();

  // Releases `bytes` from the current account, which nobody is charged for from then on. A negative value charges them
  // instead.
  static void hand_over(std::ptrdiff_t bytes);

  // Call before bytes from outside are kept. They may fill memory that was allocated but never touched.
  void count_received(std::size_t bytes);
  // Charges memory that another thread allocated for this owner.
  void count_request(std::size_t bytes) { request_bytes_ += bytes; }
  // Marks the owner as already closed, so that `End` is not called any more.
  void close() { end_ = nullptr; }
  [[nodiscard]] std::size_t used() const;
  // Set once the owner exceeded its limit, or was chosen to free memory for others. Nothing more may be accepted for
  // it.
  [[nodiscard]] const std::optional<Error>& over() const { return over_; }

 private:
  friend class MemoryAccounts;
  friend class MemoryScope;
  void end_soon(Error error);
  void charge();

  MemoryAccounts& all_;
  End end_;
  std::ptrdiff_t grown_ = 0;
  std::size_t request_bytes_ = 0;
  std::optional<Error> over_;
};

// Charges everything allocated and freed while it exists to an account. Scopes nest; only the innermost counts. The
// account must outlive the scope. nullptr: charges nobody.
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
  std::size_t limit = 0;                              // memory limit of the process in bytes; 0: unknown
  std::function<std::size_t()> resident{};            // resident bytes of the process, after free memory was returned
  std::function<void(std::function<void()>)> post{};  // runs an action on the loop directly after the current event
};

// All accounts of the process. While more than 7/8 of the limit is resident, the largest owners are closed, one after
// the other, until the rest fits. Must outlive its accounts.
class MemoryAccounts {
 public:
  explicit MemoryAccounts(MemoryServices services);
  MemoryAccounts(const MemoryAccounts&) = delete;
  MemoryAccounts& operator=(const MemoryAccounts&) = delete;

  std::shared_ptr<MemoryAccount> open(MemoryAccount::End end) {
    return std::make_shared<MemoryAccount>(*this, std::move(end));
  }
  // Call after each turn of the loop. Also detects memory that is charged to nobody.
  void turn_ended();
  // Returns the limit of one owner in bytes.
  [[nodiscard]] std::size_t owner_limit() const { return owner_limit_; }

 private:
  friend class MemoryAccount;
  friend class MemoryScope;
  void grew() {
    if (thread_heap - measured_at_ >= step_) measure();
  }
  void measure();
  void end_largest_owners(std::size_t resident);
  [[nodiscard]] bool fits(std::size_t bytes) const;

  const MemoryServices services_;
  const std::size_t most_;
  const std::size_t owner_limit_;
  const std::ptrdiff_t step_;       // growth after which memory is measured
  std::ptrdiff_t measured_at_ = 0;  // thread_heap at the last measurement, minus bytes received since
  unsigned turns_ = 0;
  std::vector<MemoryAccount*> accounts_;
};

}  // namespace aiw
