// One attempt at one step: sends the request to a provider and reports the response as StepSink events.
#pragma once

#include <memory>

#include "protocol/chat.hpp"
#include "worker/base/clock.hpp"
#include "worker/base/http_client.hpp"
#include "worker/base/memory_account.hpp"
#include "worker/providers/provider.hpp"

namespace aiw {

// Receives the events of an attempt. May destroy the attempt during or after finish() or fail().
class AttemptObserver : public StepSink {
 public:
  // Called when the response head arrives with a 2xx status.
  virtual void first_byte() = 0;
};

// The attempt runs as long as this object exists. Destroying it early closes the connection; no event follows.
class Attempt {
 public:
  virtual ~Attempt() = default;
  virtual void set_paused(bool paused) = 0;
};

// Keeps exchanges whose response is complete until HTTP itself ends them, so that their connections can be reused.
class FinishedExchanges;

struct AttemptServices {
  Clock& clock;
  HttpClient& http;
  FinishedExchanges& finished;
  MemoryAccounts& memory;
};

// Starts an HTTP attempt. Services, `chat` and `observer` must outlive it. `memory` owns the bytes that the body of
// `request` refers to.
std::unique_ptr<Attempt> start_http_attempt(const AttemptServices& services, BuiltRequest request, const WireApi& api,
                                            const ChatRequest& chat, std::shared_ptr<const void> memory,
                                            AttemptObserver& observer);

// Starts an attempt of the in-process mock provider. Error: the script cannot be read.
std::expected<std::unique_ptr<Attempt>, Error> start_mock_attempt(Clock& clock, const StepInput& input,
                                                                  AttemptObserver& observer);

}  // namespace aiw
