#include "worker/base/memory_account.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "protocol/codes.hpp"

namespace aiw {
namespace {

// Divisor of the process limit for one owner, and the maximum for one owner.
constexpr std::size_t kOwnerPart = 4;
constexpr std::size_t kMaxOwner = std::size_t{1} << 30;
// Divisor of the limit: memory is measured after each growth by this part.
constexpr std::size_t kStepPart = 64;
// Owners below this size are not closed, because that would not help.
constexpr std::size_t kSmall = std::size_t{256} << 10;
// Single allocations below this size are not checked.
constexpr std::size_t kUnasked = std::size_t{1} << 20;
// may_grow() charges an owner after each growth by this.
constexpr std::ptrdiff_t kUncharged = 64 << 10;
constexpr unsigned kTurns = 64;

MemoryAccount* current_account = nullptr;
std::ptrdiff_t counted_to = 0;  // thread_heap when the current scope was entered, became current again or was charged

std::string in_mib(std::size_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

Error owner_over(std::size_t limit) {
  return {.code = error_code::resource_exhausted,
          .category = Category::limit,
          .message = "this takes more memory than one chat, query or server may hold (" + in_mib(limit) + ")"};
}

Error process_over() {
  return {.code = error_code::resource_exhausted,
          .category = Category::overloaded,
          .message = "the worker's memory is used up, and this held most of it",
          .retryable = true};
}

}  // namespace

MemoryAccount::MemoryAccount(MemoryAccounts& all, End end) : all_(all), end_(std::move(end)) {
  all_.accounts_.push_back(this);
}

MemoryAccount::~MemoryAccount() { std::erase(all_.accounts_, this); }

MemoryAccount* MemoryAccount::current() { return current_account; }

bool MemoryAccount::fits(std::size_t bytes) {
  MemoryAccount* const account = current_account;
  if (account == nullptr || bytes < kUnasked) return true;
  if (account->over_) return false;
  const std::size_t limit = account->all_.owner_limit_;
  const auto grown = account->grown_ + (thread_heap - counted_to);
  if (grown + static_cast<std::ptrdiff_t>(bytes) > static_cast<std::ptrdiff_t>(limit)) {
    account->end_soon(owner_over(limit));
  } else if (!account->all_.fits(bytes)) {
    account->end_soon(process_over());
  }
  return !account->over_;
}

bool MemoryAccount::may_grow() {
  MemoryAccount* const account = current_account;
  if (account == nullptr) return true;
  if (thread_heap - counted_to >= kUncharged) account->charge();
  return !account->over_;
}

void MemoryAccount::hand_over(std::ptrdiff_t bytes) {
  if (current_account != nullptr) current_account->grown_ -= bytes;
}

void MemoryAccount::count_received(std::size_t bytes) { all_.measured_at_ -= static_cast<std::ptrdiff_t>(bytes); }

std::size_t MemoryAccount::used() const {
  return request_bytes_ + static_cast<std::size_t>(std::max<std::ptrdiff_t>(grown_, 0));
}

void MemoryAccount::end_soon(Error error) {
  over_ = std::move(error);
  all_.services_.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr || self->end_ == nullptr) return;
    const auto end = std::exchange(self->end_, nullptr);
    end(*self->over_);
  });
}

// Charges what was taken since the current scope was entered or last charged.
void MemoryAccount::charge() {
  grown_ += thread_heap - std::exchange(counted_to, thread_heap);
  const std::size_t limit = all_.owner_limit_;
  if (grown_ > static_cast<std::ptrdiff_t>(limit) && !over_) end_soon(owner_over(limit));
  all_.grew();
}

MemoryScope::MemoryScope(MemoryAccount* account) : outer_(std::exchange(current_account, account)) {
  if (outer_ != nullptr) outer_->grown_ += thread_heap - counted_to;
  counted_to = thread_heap;
}

MemoryScope::~MemoryScope() {
  MemoryAccount* const account = std::exchange(current_account, outer_);
  if (account != nullptr) account->charge();
  counted_to = thread_heap;
}

MemoryAccounts::MemoryAccounts(MemoryServices services)
    : services_(std::move(services)),
      most_(services_.limit - services_.limit / 8),
      owner_limit_(services_.limit > 0 ? std::min(services_.limit / kOwnerPart, kMaxOwner) : kMaxOwner),
      step_(services_.limit > 0 ? static_cast<std::ptrdiff_t>(services_.limit / kStepPart)
                                : std::numeric_limits<std::ptrdiff_t>::max()),
      measured_at_(thread_heap) {}

// Moves the baseline of growth down to the lowest point. Every kTurns turns, also measures memory that no counter sees.
void MemoryAccounts::turn_ended() {
  measured_at_ = std::min(measured_at_, thread_heap);
  if (++turns_ % kTurns == 0 && services_.limit > 0) measure();
}

void MemoryAccounts::measure() {
  measured_at_ = thread_heap;
  if (const auto resident = services_.resident(); resident > most_) end_largest_owners(resident);
}

bool MemoryAccounts::fits(std::size_t bytes) const {
  return services_.limit == 0 || services_.resident() + bytes <= services_.limit;
}

void MemoryAccounts::end_largest_owners(std::size_t resident) {
  std::size_t leaving = 0;
  for (const auto* account : accounts_) leaving += account->over_ ? account->used() : 0;
  const auto weight = [](const MemoryAccount* account) {
    return account->over_ || account->end_ == nullptr ? 0 : account->used();
  };
  while (resident > most_ + leaving) {
    const auto largest = std::ranges::max_element(accounts_, {}, weight);
    if (largest == accounts_.end() || weight(*largest) < kSmall) return;
    leaving += (*largest)->used();
    (*largest)->end_soon(process_over());
  }
}

}  // namespace aiw
