#include "worker/http/name_resolver.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace aiw {
namespace {

constexpr std::size_t kMaxAddresses = 32;  // addresses kept per name
constexpr std::size_t kKnownNames = 4096;
// A look-up that takes longer makes its name unknown again.
constexpr std::chrono::milliseconds kGoodTime{1'000};

// Returns the last two labels of a name, without a final dot.
std::string domain_of(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  const auto last = name.rfind('.');
  if (last == std::string_view::npos || last == 0) return std::string(name);
  const auto before = name.rfind('.', last - 1);
  return std::string(before == std::string_view::npos ? name : name.substr(before + 1));
}

// Returns the address family to look up. Without IPv6 on this machine, IPv6 addresses are not requested.
int address_family() {
  static const int family = [] {
    const int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno == EMFILE || errno == ENFILE ? AF_UNSPEC : AF_INET;
    close(fd);
    return AF_UNSPEC;
  }();
  return family;
}

// Returns the address as text. Empty for a link-local address, which is useless without its interface.
std::string numeric(const addrinfo& entry) {
  if (entry.ai_family == AF_INET6 && reinterpret_cast<const sockaddr_in6*>(entry.ai_addr)->sin6_scope_id != 0)
    return {};
  std::array<char, NI_MAXHOST> text{};
  const int failed = getnameinfo(entry.ai_addr, entry.ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
  return failed == 0 ? text.data() : std::string();
}

// Runs `action` on a thread that blocks signals, because the loop handles them. Returns false if no thread can be
// started.
template <typename Action>
bool start_thread(Action action) {
  sigset_t all;
  sigset_t former;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &former);
  bool started = true;
  try {
    std::thread thread(std::move(action));
    pthread_setname_np(thread.native_handle(), "lookup");
    thread.detach();
  } catch (const std::exception&) {
    started = false;
  }
  pthread_sigmask(SIG_SETMASK, &former, nullptr);
  return started;
}

}  // namespace

LookupResult look_up_addresses(const std::string& name) {
  addrinfo hints{};
  hints.ai_family = address_family();
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0) return std::unexpected(LookupFailure::no_address);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  std::vector<std::string> addresses;
  for (const addrinfo* entry = found; entry != nullptr && addresses.size() < kMaxAddresses; entry = entry->ai_next) {
    if (auto text = numeric(*entry); !text.empty()) addresses.push_back(std::move(text));
  }
  if (addresses.empty()) return std::unexpected(LookupFailure::no_address);
  return addresses;
}

// Receives results from threads; the resolver may be destroyed by then.
struct NameResolver::Mailbox {
  std::mutex mutex;
  NameResolver* resolver;  // guarded by mutex; nullptr once the resolver is destroyed

  explicit Mailbox(NameResolver& owner) : resolver(&owner) {}

  // The loop exists as long as the resolver.
  static void deliver(const std::shared_ptr<Mailbox>& mailbox, std::string name, LookupResult result) {
    const std::lock_guard lock(mailbox->mutex);
    if (mailbox->resolver == nullptr) return;
    mailbox->resolver->loop_.post([mailbox, name = std::move(name), result = std::move(result)] {
      if (mailbox->resolver != nullptr) mailbox->resolver->ended(name, result);  // set on the loop thread only
    });
  }
  static void fail(const std::shared_ptr<Mailbox>& mailbox, std::exception_ptr thrown) {
    const std::lock_guard lock(mailbox->mutex);
    if (mailbox->resolver != nullptr) mailbox->resolver->loop_.raise(std::move(thrown));
  }
};

struct NameResolver::Lookup {
  std::string name;
  Domains::iterator domain;
  bool known = false;
  bool runs = false;
  Instant begun{};
  std::list<Wait*> waits{};
};

NameResolver::NameResolver(Loop& loop, NameResolverOptions options)
    : loop_(loop), options_(std::move(options)), mailbox_(std::make_shared<Mailbox>(*this)) {}

NameResolver::~NameResolver() {
  const std::lock_guard lock(mailbox_->mutex);
  mailbox_->resolver = nullptr;
}

NameResolver::Wait::~Wait() {
  if (lookup_ == nullptr) return;
  lookup_->waits.erase(place_);
  if (lookup_->waits.empty() && !lookup_->runs) resolver_.abandon(*lookup_);
}

std::unique_ptr<NameResolver::Wait> NameResolver::resolve(std::string_view name, Handler handler) {
  auto wait = std::make_unique<Wait>(*this, std::move(handler));
  auto found = lookups_.find(name);
  const bool is_new = found == lookups_.end();
  if (is_new) found = add(name);
  Lookup& lookup = *found->second;
  wait->lookup_ = &lookup;
  wait->place_ = lookup.waits.insert(lookup.waits.end(), wait.get());
  if (is_new) run_waiting();
  return wait;
}

NameResolver::Lookups::iterator NameResolver::add(std::string_view name) {
  const auto domain = domains_.try_emplace(domain_of(name)).first;
  ++domain->second.lookups;
  auto lookup =
      std::make_unique<Lookup>(Lookup{.name = std::string(name), .domain = domain, .known = known_.contains(name)});
  waiting_.push_back(lookup.get());
  return lookups_.emplace(lookup->name, std::move(lookup)).first;
}

std::unique_ptr<NameResolver::Lookup> NameResolver::take(Lookups::iterator place) {
  auto lookup = std::move(place->second);
  lookups_.erase(place);
  if (--lookup->domain->second.lookups == 0) domains_.erase(lookup->domain);
  return lookup;
}

void NameResolver::abandon(const Lookup& lookup) {
  std::erase(waiting_, &lookup);
  take(lookups_.find(lookup.name));
}

bool NameResolver::may_run(const Lookup& lookup) const {
  if (lookup.domain->second.running >= options_.max_for_domain) return false;
  const std::size_t kept = lookup.known ? 0 : options_.max_lookups / 4;
  return running_ < options_.max_lookups - kept;
}

void NameResolver::run_waiting() {
  for (auto at = waiting_.size(); at-- > 0 && running_ < options_.max_lookups;) {
    Lookup& lookup = *waiting_[at];
    if (!may_run(lookup)) continue;
    if (!run(lookup)) return without_threads();
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

bool NameResolver::run(Lookup& lookup) {
  const bool started = start_thread([mailbox = mailbox_, name = lookup.name, look_up = options_.look_up] {
    try {
      auto result = look_up(name);
      Mailbox::deliver(mailbox, name, std::move(result));
    } catch (...) {
      Mailbox::fail(mailbox, std::current_exception());
    }
  });
  if (!started) return false;
  lookup.runs = true;
  lookup.begun = loop_.now();
  ++lookup.domain->second.running;
  ++running_;
  return true;
}

// Waiting look-ups start when a running one ends. If none is running they cannot continue, so they fail.
void NameResolver::without_threads() {
  if (running_ > 0) return;
  failing_ = loop_.call_at(loop_.now(), [this] {
    if (running_ > 0) return;
    const auto failed = std::exchange(waiting_, {});
    std::vector<std::unique_ptr<Lookup>> taken;
    for (const Lookup* lookup : failed) taken.push_back(take(lookups_.find(lookup->name)));
    for (const auto& lookup : taken) {
      lookup->runs = true;  // keeps ~Wait from abandoning it again
      tell(*lookup, std::unexpected(LookupFailure::no_thread));
    }
  });
}

void NameResolver::ended(const std::string& name, const LookupResult& result) {
  const auto place = lookups_.find(name);
  remember(name, result.has_value() && loop_.now() - place->second->begun <= kGoodTime);
  --running_;
  --place->second->domain->second.running;
  const auto lookup = take(place);
  run_waiting();
  tell(*lookup, result);
}

void NameResolver::remember(const std::string& name, bool good) {
  if (const auto found = known_.find(name); found != known_.end()) {
    known_order_.erase(found->second);
    known_.erase(found);
  }
  if (!good) return;
  known_.emplace(name, known_order_.insert(known_order_.end(), name));
  if (known_.size() <= kKnownNames) return;
  known_.erase(known_order_.front());
  known_order_.pop_front();
}

// A handler may destroy any wait, even one that was not called yet.
void NameResolver::tell(Lookup& lookup, const LookupResult& result) {
  while (!lookup.waits.empty()) {
    Wait& wait = *lookup.waits.front();
    lookup.waits.pop_front();
    wait.lookup_ = nullptr;
    const auto handler = std::move(wait.handler_);
    handler(result);
  }
}

}  // namespace aiw
