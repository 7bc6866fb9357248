// Host names to addresses: blocking look-ups on threads of their own, one for each name, shared fairly.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/io/loop.hpp"

namespace aiw {

enum class LookupFailure { no_address, no_thread };
// Numeric addresses in the order in which they should be tried; never empty.
using LookupResult = std::expected<std::vector<std::string>, LookupFailure>;

// The system's resolver (getaddrinfo). Blocks; any thread.
LookupResult look_up_addresses(const std::string& name);

struct NameResolverOptions {
  // Look-ups that run at once, also those that nobody waits for any more: a thread that hangs cannot be ended.
  std::size_t max_lookups = 256;
  std::size_t max_for_domain = 8;
  std::function<LookupResult(const std::string& name)> look_up = look_up_addresses;
};

// A name is looked up once for all that wait for it. A domain (a name's last two labels) has a bounded number of
// look-ups, and a quarter of all are kept for names whose last look-up succeeded in good time. So a known name waits
// only for its own domain. A new one waits only while three quarters of the look-ups hang, which takes as many domains
// as there are eighths of them; the newest is the next to run, so that those that wait in vain hold up nobody.
// No results are kept. All members belong to the loop's thread.
class NameResolver {
 public:
  // Called once, never within `resolve`; may destroy any wait.
  using Handler = std::function<void(const LookupResult& result)>;
  // Destroying it takes the interest back.
  class Wait;

  // `loop` outlives the resolver. Threads that still run at its end are left behind.
  NameResolver(Loop& loop, NameResolverOptions options);
  ~NameResolver();
  NameResolver(const NameResolver&) = delete;
  NameResolver& operator=(const NameResolver&) = delete;

  std::unique_ptr<Wait> resolve(std::string_view name, Handler handler);
  [[nodiscard]] std::size_t running() const { return running_; }

 private:
  struct Mailbox;
  struct Lookup;
  struct Domain {
    std::size_t running = 0;
    std::size_t lookups = 0;  // those that run and those that wait
  };
  using Domains = std::map<std::string, Domain, std::less<>>;
  using Lookups = std::map<std::string, std::unique_ptr<Lookup>, std::less<>>;

  Lookups::iterator add(std::string_view name);
  std::unique_ptr<Lookup> take(Lookups::iterator place);
  void abandon(const Lookup& lookup);
  [[nodiscard]] bool may_run(const Lookup& lookup) const;
  void run_waiting();
  bool run(Lookup& lookup);
  void without_threads();
  void ended(const std::string& name, const LookupResult& result);
  void remember(const std::string& name, bool good);
  static void tell(Lookup& lookup, const LookupResult& result);

  Loop& loop_;
  const NameResolverOptions options_;
  std::size_t running_ = 0;
  Domains domains_;
  Lookups lookups_;                     // by name
  std::vector<Lookup*> waiting_;        // those that do not run yet; the newest last
  std::list<std::string> known_order_;  // names that were found in good time; the latest last
  std::map<std::string, std::list<std::string>::iterator, std::less<>> known_;
  std::unique_ptr<Timer> failing_;
  std::shared_ptr<Mailbox> mailbox_;
};

class NameResolver::Wait {
 public:
  Wait(NameResolver& resolver, Handler handler) : resolver_(resolver), handler_(std::move(handler)) {}
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait();

 private:
  friend class NameResolver;
  NameResolver& resolver_;
  Handler handler_;
  Lookup* lookup_ = nullptr;  // nullptr: told
  std::list<Wait*>::iterator place_{};
};

}  // namespace aiw
