#include "worker/http/name_resolver.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/test_pipe.hpp"
#include "worker/io/loop.hpp"

namespace {

using aiw::LookupFailure;
using aiw::LookupResult;
using aiw::Loop;
using aiw::NameResolver;
using aiw::test::run_until_stopped;

// Look-ups that end when the test says so. Threads of a resolver may outlive it, so this is shared.
class Gate {
 public:
  LookupResult pass(const std::string& name) {
    std::unique_lock lock(mutex_);
    asked_.push_back(name);
    changed_.notify_all();
    changed_.wait(lock, [&] { return all_open_ || open_.contains(name); });
    ++passed_;
    changed_.notify_all();
    if (name.starts_with("gone")) return std::unexpected(LookupFailure::no_address);
    return std::vector<std::string>{"192.0.2.1"};
  }
  void open(const std::string& name) {
    const std::lock_guard lock(mutex_);
    open_.insert(name);
    changed_.notify_all();
  }
  // And every look-up that is under way is over when this returns.
  void open_all() {
    std::unique_lock lock(mutex_);
    all_open_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return passed_ == asked_.size(); });
  }
  void await_asked(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_.size() >= count; });
  }
  [[nodiscard]] std::size_t asked(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count(asked_, name));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> open_;
  bool all_open_ = false;
  std::vector<std::string> asked_;
  std::size_t passed_ = 0;
};

struct Fixture {
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  Loop loop;
  std::unique_ptr<NameResolver> resolver;
  std::vector<std::string> told;

  explicit Fixture(std::size_t max_lookups = 16, std::size_t max_for_domain = 2) {
    resolver = std::make_unique<NameResolver>(
        loop, aiw::NameResolverOptions{.max_lookups = max_lookups,
                                       .max_for_domain = max_for_domain,
                                       .look_up = [gate = gate](const std::string& name) { return gate->pass(name); }});
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;
  ~Fixture() {
    resolver.reset();
    gate->open_all();
  }

  std::unique_ptr<NameResolver::Wait> resolve(const std::string& name) {
    return resolver->resolve(name, [this, name](const LookupResult& result) {
      told.push_back(name + (result ? " " + result->front() : ""));
      if (told.size() == wanted) return loop.stop();
      if (then) then();
    });
  }
  // Once: until so many results were told; `then` is called after each but the last.
  void run(std::size_t count, std::function<void()> action = nullptr) {
    wanted = count;
    then = std::move(action);
    REQUIRE(run_until_stopped(loop));
  }
  std::size_t wanted = 0;
  std::function<void()> then;
};

// A name of a domain of its own.
std::string distinct(int number) { return "a.hang" + std::to_string(number); }

}  // namespace

TEST_CASE("fault 107: a name is looked up once for all that wait for it, and told from the loop") {
  Fixture f;
  const auto first = f.resolve("a.test");
  const auto second = f.resolve("a.test");
  auto third = f.resolve("a.test");
  third.reset();
  f.gate->open("a.test");
  CHECK(f.told.empty());
  f.run(2);
  CHECK(f.told == std::vector<std::string>{"a.test 192.0.2.1", "a.test 192.0.2.1"});
  CHECK(f.gate->asked("a.test") == 1);
}

TEST_CASE("fault 107: a domain whose names hang waits for itself, and holds up no other") {
  Fixture f;
  std::vector<std::unique_ptr<NameResolver::Wait>> hanging;
  for (int i = 0; i < 100; ++i) hanging.push_back(f.resolve("h" + std::to_string(i) + ".hang.test"));
  CHECK(f.resolver->running() == 2);
  f.gate->open("a.good.example");
  const auto good = f.resolve("a.good.example");
  f.run(1);
  CHECK(f.told == std::vector<std::string>{"a.good.example 192.0.2.1"});
}

TEST_CASE("fault 107: a known name is looked up at once while names of all domains hang") {
  Fixture f;
  f.gate->open("known.test");
  const auto first = f.resolve("known.test");
  std::vector<std::unique_ptr<NameResolver::Wait>> hanging;
  std::unique_ptr<NameResolver::Wait> second;
  f.run(2, [&] {
    for (int i = 0; i < 100; ++i) hanging.push_back(f.resolve(distinct(i)));
    CHECK(f.resolver->running() == 12);  // of 16
    second = f.resolve("known.test");
    CHECK(f.resolver->running() == 13);
  });
  CHECK(f.told == std::vector<std::string>{"known.test 192.0.2.1", "known.test 192.0.2.1"});
}

TEST_CASE("fault 107: a look-up that ends makes room for the newest name, not for those that wait in vain") {
  Fixture f;
  std::vector<std::unique_ptr<NameResolver::Wait>> hanging;
  for (int i = 0; i < 100; ++i) hanging.push_back(f.resolve(distinct(i)));
  f.gate->open("a.new");
  const auto fresh = f.resolve("a.new");
  f.gate->open(distinct(3));
  f.run(2);
  CHECK(f.told == std::vector<std::string>{distinct(3) + " 192.0.2.1", "a.new 192.0.2.1"});
}

TEST_CASE("fault 107: what nobody waits for any more is not looked up, and holds a place only while it runs") {
  Fixture f(1, 1);
  auto running = f.resolve("a.test");
  auto waiting = f.resolve("b.test");
  f.gate->await_asked(1);
  running.reset();
  waiting.reset();
  CHECK(f.resolver->running() == 1);
  f.gate->open("c.test");
  const auto last = f.resolve("c.test");
  f.gate->open("a.test");
  f.run(1);
  CHECK(f.told == std::vector<std::string>{"c.test 192.0.2.1"});
  CHECK(f.gate->asked("b.test") == 0);
}

TEST_CASE("fault 107: who is told may end every other wait, or ask anew") {
  Fixture f;
  std::vector<std::unique_ptr<NameResolver::Wait>> waits;
  int told = 0;
  for (int i = 0; i < 3; ++i) {
    waits.push_back(f.resolver->resolve("gone.test", [&](const LookupResult& result) {
      CHECK_FALSE(result);
      ++told;
      waits.clear();
      waits.push_back(f.resolve("next.test"));
    }));
  }
  f.gate->open("gone.test");
  f.gate->open("next.test");
  f.run(1);
  CHECK(told == 1);
  CHECK(f.told == std::vector<std::string>{"next.test 192.0.2.1"});
}

TEST_CASE("the system's resolver knows localhost, and no name that nobody may have") {
  const auto local = aiw::look_up_addresses("localhost");
  REQUIRE(local);
  CHECK(std::ranges::any_of(*local, [](const auto& address) { return address == "127.0.0.1" || address == "::1"; }));
  CHECK(aiw::look_up_addresses("192.0.2.7") == std::vector<std::string>{"192.0.2.7"});
  CHECK(aiw::look_up_addresses("") == std::unexpected(LookupFailure::no_address));
}
