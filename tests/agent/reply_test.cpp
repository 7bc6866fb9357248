#include "worker/agent/reply.hpp"

#include <doctest/doctest.h>

#include "tests/agent/fake_clock.hpp"
#include "tests/agent/fake_output.hpp"

using namespace aiw;

namespace {

struct Fixture {
  FakeClock clock;
  FakeOutput output;
  std::unique_ptr<FrameEncoder> encoder = make_encoder(Dialect::v1);
  Backlog backlog{output};
  std::string ended;

  Reply reply() {
    return {std::make_unique<Outbox>("c", encoder->chat("c", false), output, backlog, clock, OutboxLimits{}),
            [this](bool ok) { ended += ok ? "done " : "error "; }};
  }
};

DoneEvent done() { return {.finish_raw = {}, .messages = {"[]"}, .usage = {}, .timing = {}, .request = {}}; }

}  // namespace

TEST_CASE("a reply that nobody gives is an internal error") {
  Fixture f;
  {
    const Reply reply = f.reply();
  }
  CHECK(f.ended == "error ");
  const auto frames = f.output.frames();
  REQUIRE(frames.size() == 1);
  CHECK(frames[0]["type"] == "error");
  CHECK(frames[0]["seq"] == 0);
  CHECK(frames[0]["data"]["code"] == "internal");
  CHECK(frames[0]["data"]["category"] == "internal");
}

TEST_CASE("a reply is given once") {
  Fixture f;
  {
    Reply reply = f.reply();
    CHECK(reply.open());
    reply.events().send(HeartbeatEvent{});
    reply.done(done());
    CHECK(!reply.open());
  }
  CHECK(f.ended == "done ");
  CHECK(f.output.types("c") == "heartbeat done");
}

TEST_CASE("a reply that was moved is given by its new owner alone") {
  Fixture f;
  {
    Reply first = f.reply();
    Reply second = std::move(first);
    second.error({Error{.code = "x"}, {}, {}});
  }
  CHECK(f.ended == "error ");
  CHECK(f.output.types("c") == "error");
}
