// Resolves host names: blocking look-ups on separate threads, one per name, shared fairly.
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
// Numeric addresses in the order to try them; never empty.
using LookupResult = std::expected<std::vector<std::string>, LookupFailure>;

// Uses the system's resolver (getaddrinfo). Blocks; any thread.
LookupResult look_up_addresses(const std::string& name);

struct NameResolverOptions {
  // Limit on running look-ups, including abandoned ones, because a hanging thread cannot be stopped.
  std::size_t max_lookups = 256;
  std::size_t max_for_domain = 8;
  std::function<LookupResult(const std::string& name)> look_up = look_up_addresses;
};

// Runs one look-up per name for all that wait for it, and keeps no results. Each domain (the last two labels of a name)
// has a limit on running look-ups. A quarter of all look-ups is reserved for names whose last look-up succeeded
// quickly. Such a known name therefore waits only for its own domain. A new name waits only while three quarters of the
// look-ups hang, which takes many domains (24 with the defaults). The newest waiting look-up runs first, so that older
// hanging ones delay nobody. Loop thread only.
class NameResolver {
 public:
  // Called once, never inside `resolve`. It may destroy any wait.
  using Handler = std::function<void(const LookupResult& result)>;
  // Destroying it cancels the wait.
  class Wait;

  // `loop` must outlive the resolver. Threads that still run when the resolver is destroyed are abandoned.
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
    std::size_t lookups = 0;  // running and waiting look-ups
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
  std::vector<Lookup*> waiting_;        // look-ups not started yet; the newest last
  std::list<std::string> known_order_;  // names that were resolved quickly; the latest last
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
  Lookup* lookup_ = nullptr;  // nullptr after the handler was called
  std::list<Wait*>::iterator place_{};
};

}  // namespace aiw
