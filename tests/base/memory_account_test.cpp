// Memory of owners, and which owner is closed when it is too much. operator new of this program counts nothing; the
// tests change the counters themselves.
#include "worker/base/memory_account.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <string>

using namespace aiw;

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

struct Process {
  // Opens an account. Its `End` records the error code under `name`.
  std::shared_ptr<MemoryAccount> open(const std::string& name) {
    return accounts.open([this, name](const Error& error) { ended[name] += error.code + " "; });
  }
  // Charges `bytes` to the owner in a scope of its own.
  void take(MemoryAccount& account, std::ptrdiff_t bytes) {
    const MemoryScope scope(&account);
    thread_heap += bytes;
    resident += static_cast<std::size_t>(bytes);
  }
  void settle() {
    while (!posted.empty()) {
      const auto action = std::move(posted.front());
      posted.pop_front();
      action();
    }
  }

  std::size_t resident = 0;
  int measured = 0;
  std::deque<std::function<void()>> posted;
  std::map<std::string, std::string> ended;
  MemoryAccounts accounts{{.limit = 256 * kMiB,
                           .resident =
                               [this] {
                                 ++measured;
                                 return resident;
                               },
                           .post = [this](std::function<void()> action) { posted.push_back(std::move(action)); }}};
};

}  // namespace

TEST_CASE("fault 100: memory allocated in a scope counts for its owner, and an inner scope counts separately") {
  Process process;
  const auto chat = process.open("chat");
  const auto server = process.open("server");
  CHECK(MemoryAccount::current() == nullptr);
  {
    const MemoryScope outer(chat.get());
    thread_heap += 100;
    {
      const MemoryScope inner(server.get());
      CHECK(MemoryAccount::current() == server.get());
      thread_heap += 1000;
      const MemoryScope nobody(nullptr);
      thread_heap += 10'000;
    }
    CHECK(MemoryAccount::current() == chat.get());
    thread_heap += 7;
  }
  thread_heap += 100'000;
  CHECK(chat->used() == 107);
  CHECK(server->used() == 1000);
  process.take(*chat, -200);  // frees memory that another owner allocated
  CHECK(chat->used() == 0);
  chat->count_request(50);
  CHECK(chat->used() == 50);
  process.take(*chat, 300);
  {
    const MemoryScope scope(chat.get());
    MemoryAccount::hand_over(60);
  }
  MemoryAccount::hand_over(1'000);  // outside of any scope: no account to release it from
  CHECK(chat->used() == 197);
}

TEST_CASE("fault 100: an owner that holds more than its share is ended once, from the loop, with its reason") {
  Process process;
  const auto chat = process.open("chat");
  process.take(*chat, 60 * kMiB);
  CHECK_FALSE(chat->over());
  process.take(*chat, 10 * kMiB);
  REQUIRE(chat->over());  // set at once, although `End` is called later
  CHECK(chat->over()->code == "resource_exhausted");
  CHECK_FALSE(chat->over()->retryable);
  CHECK(process.ended.empty());
  process.take(*chat, 10 * kMiB);
  process.settle();
  CHECK(process.ended["chat"] == "resource_exhausted ");
}

TEST_CASE("fault 101: the largest owners are ended until the rest fits, and no more of them") {
  Process process;
  process.resident = 20 * kMiB;
  std::map<std::string, std::shared_ptr<MemoryAccount>> chats;
  for (const auto* name : {"a", "b", "c", "d", "e", "f"}) chats[name] = process.open(name);
  process.take(*chats["a"], 10 * kMiB);
  process.take(*chats["b"], 50 * kMiB);
  process.take(*chats["c"], 45 * kMiB);
  process.take(*chats["d"], 40 * kMiB);
  process.take(*chats["e"], 35 * kMiB);
  process.settle();
  CHECK(process.ended.empty());  // 200 MiB resident: within the limit
  process.take(*chats["f"], 42 * kMiB);
  process.accounts.turn_ended();
  process.settle();
  CHECK(process.ended == std::map<std::string, std::string>{{"b", "resource_exhausted "}});
  CHECK(chats["b"]->over()->retryable);
  // The memory of b is still resident, but it counts as about to be freed.
  process.take(*chats["a"], 5 * kMiB);
  process.settle();
  CHECK(process.ended.size() == 1);
}

TEST_CASE("fault 101: an owner that has closed or holds almost nothing is not ended") {
  Process process;
  const auto gone = process.open("gone");
  const auto small = process.open("small");
  process.take(*gone, 60 * kMiB);
  gone->close();
  process.resident = 250 * kMiB;
  process.take(*small, 100'000);
  for (int i = 0; i < 100; ++i) process.accounts.turn_ended();  // also detects growth that no account counts
  process.settle();
  CHECK(process.measured > 0);
  CHECK(process.ended.empty());
}

TEST_CASE("fault 101: a single allocation that does not fit ends its owner before it is made") {
  Process process;
  CHECK(MemoryAccount::fits(1'000 * kMiB));  // outside of any scope: no limit applies
  const auto chat = process.open("chat");
  process.resident = 200 * kMiB;
  const MemoryScope scope(chat.get());
  CHECK(MemoryAccount::fits(50 * kMiB));
  CHECK_FALSE(MemoryAccount::fits(60 * kMiB));
  CHECK_FALSE(MemoryAccount::fits(50 * kMiB));  // an account that is over stays over
  process.settle();
  CHECK(process.ended["chat"] == "resource_exhausted ");
}

TEST_CASE("fault 101: received bytes trigger a measurement, even if their memory was allocated long before") {
  Process process;
  const auto chat = process.open("chat");
  process.take(*chat, 3 * kMiB);
  CHECK(process.measured == 0);
  process.resident = 245 * kMiB;  // the memory is touched only now
  {
    const MemoryScope scope(chat.get());
    chat->count_received(2 * kMiB);
  }
  process.settle();
  CHECK(process.ended["chat"] == "resource_exhausted ");
}

TEST_CASE("fault 101: memory is measured after it has grown, not at each allocation") {
  Process process;
  const auto chat = process.open("chat");
  for (int i = 0; i < 1'000; ++i) process.take(*chat, 16 << 10);
  CHECK(process.measured >= 3);
  CHECK(process.measured <= 4);
}

TEST_CASE("fault 101: an owner that goes over its part within one turn is stopped there, and the largest one, too") {
  Process process;
  CHECK(MemoryAccount::may_grow());  // nobody's
  const auto chat = process.open("chat");
  const auto other = process.open("other");
  {
    const MemoryScope scope(chat.get());
    thread_heap += 60 * kMiB;
    CHECK(MemoryAccount::may_grow());
    CHECK(MemoryAccount::may_grow());  // the same bytes count once
    CHECK(chat->used() == 60 * kMiB);
    thread_heap += 10 * kMiB;
    CHECK_FALSE(MemoryAccount::may_grow());
    CHECK_FALSE(MemoryAccount::may_grow());
    CHECK(process.ended.empty());  // not within its own turn
  }
  CHECK(chat->used() == 70 * kMiB);
  process.settle();
  CHECK(process.ended == std::map<std::string, std::string>{{"chat", "resource_exhausted "}});

  process.resident = 250 * kMiB;  // the process is short of memory, though this one is within its part
  const MemoryScope scope(other.get());
  thread_heap += 50 * kMiB;
  process.resident += 50 * kMiB;
  CHECK_FALSE(MemoryAccount::may_grow());
  CHECK(other->over()->retryable);
}
