#include "worker/agent/hedged_attempt.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/support/fake_clock.hpp"

namespace {

using namespace aiw;
using namespace std::chrono_literals;

// Records events as words.
struct Recorder : AttemptObserver {
  std::string events;

  void first_byte() override {}
  void delta(int, ContentKind, std::string_view text, std::string_view) override { add(text); }
  void tool_input_began(int, std::string_view, std::string_view) override { add("began"); }
  void tool_call(int, ToolCall) override { add("call"); }
  void tool_result(ProviderToolResult) override { add("result"); }
  void file(int, GeneratedFile) override { add("file"); }
  void source(const Source&) override { add("source"); }
  void logprobs(int, std::string_view) override { add("logprobs"); }
  void provider_state(int, std::string) override { add("state"); }
  void usage(const Usage&) override { add("usage"); }
  void warning(std::string_view, std::string_view message) override { add(message); }
  void finish(FinishReason, std::string_view raw) override { add("finish:" + std::string(raw)); }
  void fail(Error error) override { add("fail:" + error.code); }
  void add(std::string_view word) { events.append(events.empty() ? "" : " ").append(word); }
};

struct Running : Attempt {
  explicit Running(int& count) : count_(count) { ++count_; }
  ~Running() override { --count_; }
  void set_paused(bool) override {}

 private:
  int& count_;
};

// Starts a race whose attempts send `notes` warnings each while they start.
struct Race {
  explicit Race(int notes) {
    HedgeHandlers handlers;
    handlers.start = [this, notes](Lane lane,
                                   AttemptObserver& observer) -> std::expected<std::unique_ptr<Attempt>, Error> {
      lanes[lane == Lane::first ? 0 : 1] = &observer;
      for (int i = 0; i < notes; ++i) observer.warning("note", lane == Lane::first ? "A" : "B");
      return std::make_unique<Running>(running);
    };
    handlers.may_start_second = [] { return true; };
    handlers.won = [this](Lane lane) { won += lane == Lane::first ? "first" : "second"; };
    handlers.usage_discarded = [](Lane, const Usage&) {};
    auto started = start_hedged_attempt(clock, 10ms, std::move(handlers), recorder);
    REQUIRE(started);
    attempt = *std::move(started);
  }

  FakeClock clock;
  Recorder recorder;
  int running = 0;
  std::string won;
  AttemptObserver* lanes[2] = {};
  std::unique_ptr<Attempt> attempt;
};

std::string repeated(const std::string& word, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += word + " ";
  return out;
}

TEST_CASE("notes about a request do not decide the race, however many there are") {
  Race race(100);
  CHECK(race.won.empty());
  race.clock.advance(10ms);
  CHECK(race.running == 2);
  CHECK(race.won.empty());
  race.lanes[1]->delta(0, ContentKind::text, "second", {});
  CHECK(race.won == "second");
  CHECK(race.running == 1);
  race.lanes[1]->finish(FinishReason::stop, "stop");
  CHECK(race.recorder.events == repeated("B", 100) + "second finish:stop");
}

TEST_CASE("after one lane has won, nothing of the other is passed on") {
  Race race(0);
  race.clock.advance(10ms);
  race.lanes[0]->delta(0, ContentKind::text, "first", {});
  CHECK(race.running == 1);
  // A lane that reports during its own destruction, or its start, must not be heard either.
  race.lanes[1]->delta(0, ContentKind::text, "second", {});
  race.lanes[1]->tool_input_began(1, "id", "name");
  race.lanes[1]->provider_state(0, "state");
  race.lanes[1]->usage({});
  race.lanes[1]->finish(FinishReason::stop, "second");
  race.lanes[1]->fail({.code = "second"});
  race.lanes[0]->finish(FinishReason::stop, "first");
  CHECK(race.recorder.events == "first finish:first");
}

TEST_CASE("a first lane that wins before the delay starts no second one") {
  Race race(0);
  for (int i = 0; i < 100; ++i) race.lanes[0]->provider_state(i, "state");
  CHECK(race.won == "first");
  race.clock.advance(1s);
  CHECK(race.running == 1);
  CHECK(race.clock.pending() == 0);
}

}  // namespace
