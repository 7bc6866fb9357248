// One try at one step: a provider is asked and its answer comes as StepSink events.
#pragma once

#include <memory>

#include "protocol/chat.hpp"
#include "worker/base/clock.hpp"
#include "worker/base/http_client.hpp"
#include "worker/base/memory_account.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// Hears an attempt. After finish or fail it may destroy the attempt, within the call too.
class AttemptObserver : public StepSink {
 public:
  // The head of a successful answer is here.
  virtual void first_byte() = 0;
};

// Running as long as it exists; destroying it before it ended closes its connection and says nothing more.
class Attempt {
 public:
  virtual ~Attempt() = default;
  virtual void set_paused(bool paused) = 0;
};

// Keeps exchanges whose answer is complete until HTTP's own end came too, so that their connections can be used again.
class FinishedExchanges;

struct AttemptServices {
  Clock& clock;
  HttpClient& http;
  FinishedExchanges& finished;
  MemoryAccounts& memory;
};

// Starts an HTTP attempt; services, `chat` and `observer` outlive it. `memory` owns what the body of `request` refers
// to.
std::unique_ptr<Attempt> start_http_attempt(const AttemptServices& services, BuiltRequest request, const WireApi& api,
                                            const ChatRequest& chat, std::shared_ptr<const void> memory,
                                            AttemptObserver& observer);

// Starts an attempt of the in-process mock. Error: the script cannot be read.
std::expected<std::unique_ptr<Attempt>, Error> start_mock_attempt(Clock& clock, const StepInput& input,
                                                                  AttemptObserver& observer);

}  // namespace aiw
