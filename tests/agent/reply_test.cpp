#include "worker/agent/reply.hpp"

#include <doctest/doctest.h>

#include "tests/support/fake_clock.hpp"
#include "tests/support/fake_output.hpp"

using namespace aiw;

namespace {

struct Fixture {
  FakeClock clock;
  FakeOutput output;
  std::unique_ptr<FrameEncoder> encoder = make_encoder(Dialect::v1);
  Backlog backlog{output};
  const Error unanswered{.code = "why"};
  std::string ended;

  Reply reply() { return reply(encoder->chat("c", false)); }
  Reply reply(std::unique_ptr<EventEncoder> events) {
    return {std::make_unique<Outbox>("c", std::move(events), output, backlog, clock, OutboxLimits{}), unanswered,
            [this](bool ok) { ended += ok ? "done " : "error "; }};
  }
};

// Has no memory for messages.
class ShortOfMemory : public EventEncoder {
 public:
  explicit ShortOfMemory(std::unique_ptr<EventEncoder> encoder) : encoder_(std::move(encoder)) {}
  [[nodiscard]] bool tells(const ChatEvent& event) const override { return encoder_->tells(event); }
  std::size_t event(std::string& out, std::uint64_t seq, const ChatEvent& event) override {
    const std::size_t frames = encoder_->event(out, seq, event);
    const auto* const error = std::get_if<ErrorEvent>(&event);
    if (error != nullptr && !error->messages.empty()) throw std::bad_alloc();
    return frames;
  }

 private:
  std::unique_ptr<EventEncoder> encoder_;
};

DoneEvent done() { return {.finish_raw = {}, .messages = {"[]"}, .usage = {}, .timing = {}, .request = {}}; }

}  // namespace

TEST_CASE("a reply that nobody gives is the error that it was given for that") {
  Fixture f;
  {
    const Reply reply = f.reply();
  }
  CHECK(f.ended == "error ");
  const auto frames = f.output.frames();
  REQUIRE(frames.size() == 1);
  CHECK(frames[0]["type"] == "error");
  CHECK(frames[0]["seq"] == 0);
  CHECK(frames[0]["data"]["code"] == "why");
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

TEST_CASE("fault 88: an error that finds no memory for its messages is given without them") {
  Fixture f;
  {
    Reply reply = f.reply(std::make_unique<ShortOfMemory>(f.encoder->chat("c", false)));
    reply.error({Error{.code = "x"}, {"[]"}, {}});
    CHECK(!reply.open());
  }
  CHECK(f.ended == "error ");
  const auto frames = f.output.frames();
  REQUIRE(frames.size() == 1);
  CHECK(frames[0]["seq"] == 0);
  CHECK(frames[0]["data"]["code"] == "x");
  CHECK(!frames[0]["data"].contains("messages"));
}
