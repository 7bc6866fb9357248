// Clock that moves only when a test moves it.
#pragma once

#include <map>
#include <utility>

#include "worker/base/clock.hpp"

namespace aiw {

class FakeClock : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return now_; }
  std::unique_ptr<Timer> call_at(Instant when, std::function<void()> action) override {
    return std::make_unique<Pending>(pending_, when, std::move(action));
  }

  // Moves the time forward and makes every call that becomes due, each at its own time. Calls that are due at the same
  // time run in the order in which they were scheduled.
  void advance(std::chrono::milliseconds by) {
    const Instant end = now_ + by;
    while (!pending_.empty() && pending_.begin()->first <= end) {
      now_ = std::max(now_, pending_.begin()->first);
      const auto action = pending_.begin()->second->leave();
      action();
    }
    now_ = end;
  }
  [[nodiscard]] std::size_t pending() const { return pending_.size(); }
  [[nodiscard]] std::chrono::milliseconds elapsed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now_ - kStart);
  }

 private:
  class Pending;
  using Table = std::multimap<Instant, Pending*>;

  class Pending : public Timer {
   public:
    Pending(Table& table, Instant when, std::function<void()> action)
        : table_(table), action_(std::move(action)), place_(table.emplace(when, this)) {}
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;
    ~Pending() override { leave(); }

    std::function<void()> leave() {
      if (std::exchange(waits_, false)) table_.erase(place_);
      return std::move(action_);
    }

   private:
    Table& table_;
    std::function<void()> action_;
    const Table::iterator place_;
    bool waits_ = true;
  };

  static constexpr Instant kStart{std::chrono::hours(1)};
  Instant now_ = kStart;
  Table pending_;
};

}  // namespace aiw
