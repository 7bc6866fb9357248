#include "worker/agent/outbox.hpp"

#include <doctest/doctest.h>

#include "tests/support/fake_clock.hpp"
#include "tests/support/fake_output.hpp"

using namespace aiw;
using std::chrono::milliseconds;

namespace {

struct Ways {
  FakeClock clock;
  FakeOutput output;
  std::unique_ptr<FrameEncoder> encoder = make_encoder(Dialect::v1);
  Backlog backlog{output};

  std::unique_ptr<Outbox> open(std::string id, const OutboxLimits& limits = {}) {
    auto events = encoder->chat(id, false);
    return std::make_unique<Outbox>(std::move(id), std::move(events), output, backlog, clock, limits);
  }
};

DeltaEvent text(std::string_view text, int part = 0) { return {0, part, ContentKind::text, text, {}}; }

// The texts of the deltas of one chat, with a bar between, and other events by their type.
std::string said(const FakeOutput& output, std::string_view id) {
  std::string out;
  std::uint64_t seq = 0;
  for (const auto& frame : output.frames()) {
    if (frame["id"] != id) continue;
    CHECK(frame["seq"] == seq++);
    const bool is_delta = frame["type"] == "delta";
    out += (out.empty() ? "" : "|") + (is_delta ? frame["data"]["text"] : frame["type"]).get<std::string>();
  }
  return out;
}

const DoneEvent kDone{.finish_reason = FinishReason::stop,
                      .finish_raw = {},
                      .messages = {"[]"},
                      .usage = {},
                      .timing = {},
                      .request = {}};

}  // namespace

TEST_CASE("while the reader keeps up, every event is written at once") {
  Ways ways;
  const auto box = ways.open("c");
  box->send(text("a"));
  box->send(text("b"));
  box->send(WarningEvent{"w", "m"});
  CHECK(said(ways.output, "c") == "a|b|warning");
  CHECK(!box->must_pause());
  box->send_last(kDone);
  CHECK(said(ways.output, "c") == "a|b|warning|done");
}

TEST_CASE("a reader that lags gets the same text in fewer frames, in order") {
  Ways ways;
  const auto box = ways.open("c");
  box->send(text("a"));
  ways.output.is_congested = true;
  for (const char* piece : {"b", "c", "d"}) box->send(text(piece));
  box->send(text("e", 1));
  box->send(WarningEvent{"w", "m"});
  box->send(text("f", 1));
  box->send({DeltaEvent{0, 1, ContentKind::reasoning, "g", {}}});
  CHECK(said(ways.output, "c") == "a");
  CHECK(ways.backlog.total() > 0);
  ways.output.is_congested = false;
  ways.backlog.relieve();
  CHECK(said(ways.output, "c") == "a|bcd|e|warning|f|g");
  CHECK(ways.backlog.total() == 0);
  box->send(text("h", 1));
  CHECK(said(ways.output, "c") == "a|bcd|e|warning|f|g|h");
}

TEST_CASE("what is held goes out before what comes once the reader is back") {
  Ways ways;
  const auto box = ways.open("c");
  ways.output.is_congested = true;
  box->send(WarningEvent{"w", "m"});
  box->send(text("a"));
  ways.output.is_congested = false;
  box->send(text("b"));
  box->send(text("c", 1));
  CHECK(ways.output.text().empty());
  ways.backlog.relieve();
  CHECK(said(ways.output, "c") == "warning|ab|c");
}

TEST_CASE("the last event brings everything held with it, whether the reader lags or not") {
  Ways ways;
  const auto box = ways.open("c");
  ways.output.is_congested = true;
  box->send(WarningEvent{"w", "m"});
  box->send(text("a"));
  box->send_last(kDone);
  CHECK(said(ways.output, "c") == "warning|a|done");
  CHECK(ways.backlog.total() == 0);
  ways.output.is_congested = false;
  ways.backlog.relieve();
  CHECK(said(ways.output, "c") == "warning|a|done");
}

TEST_CASE("while answers to lines keep stdout congested, chats share what the reader takes, in turn") {
  Ways ways;
  const auto one = ways.open("one"), two = ways.open("two");
  ways.output.is_congested = true;
  for (const char* piece : {"a", "b", "c"}) {
    one->send(text(piece, piece[0]));
    two->send(text(piece, piece[0]));
  }
  // More than an eighth goes out where the frames are longer, and is made up for. Each chat's first two frames, which
  // are whole, go in one turn.
  ways.backlog.share(80);
  CHECK(said(ways.output, "one") == "a|b");
  CHECK(said(ways.output, "two").empty());
  ways.backlog.share(80);
  CHECK(said(ways.output, "two").empty());
  ways.backlog.share(1'600);
  CHECK(said(ways.output, "two") == "a|b");
  ways.backlog.share(100'000);
  CHECK(said(ways.output, "one") == "a|b|c");
  CHECK(said(ways.output, "two") == "a|b|c");
  CHECK(ways.backlog.total() == ways.output.pending());
  ways.backlog.share(10'000);
}

TEST_CASE("a frame above a chat's turn goes out whole, and its share is made up for") {
  Ways ways;
  const OutboxLimits limits{.max_delta_bytes = 200'000};
  const auto longest = ways.open("long", limits), trickle = ways.open("trickle", limits);
  ways.output.is_congested = true;
  for (int part = 0; part < 2; ++part) longest->send(text(std::string(100'000, 'x'), part));
  trickle->send(text("a"));
  longest->send(WarningEvent{"w", "m"});
  ways.backlog.share(80);
  CHECK((said(ways.output, "long") == std::string(100'000, 'x')));
  ways.backlog.share(790'000);
  CHECK(said(ways.output, "trickle").empty());
  ways.backlog.share(20'000);  // eight for each byte of the text, and a few for its frame
  CHECK(said(ways.output, "trickle") == "a");
  ways.backlog.share(10'000);
  const std::string both = std::string(100'000, 'x') + "|" + std::string(100'000, 'x');
  CHECK((said(ways.output, "long") == both));
  ways.backlog.share(900'000);
  CHECK((said(ways.output, "long") == both + "|warning"));
  CHECK(ways.backlog.total() == ways.output.pending());
}

TEST_CASE("fault 88: without memory an event leaves nothing of itself, and nothing is sent twice") {
  // Writes half of its second event.
  class Failing : public EventEncoder {
   public:
    explicit Failing(std::unique_ptr<EventEncoder> encoder) : encoder_(std::move(encoder)) {}
    [[nodiscard]] bool tells(const ChatEvent& event) const override { return encoder_->tells(event); }
    std::size_t event(std::string& out, std::uint64_t seq, const ChatEvent& event) override {
      if (++events_ != 2) return encoder_->event(out, seq, event);
      out += R"({"id":"c","seq":)";
      throw std::bad_alloc();
    }

   private:
    std::unique_ptr<EventEncoder> encoder_;
    int events_ = 0;
  };
  Ways ways;
  Outbox box("c", std::make_unique<Failing>(ways.encoder->chat("c", false)), ways.output, ways.backlog, ways.clock, {});
  box.send(text("a"));
  CHECK_THROWS_AS(box.send(text("b")), std::bad_alloc);
  ways.output.is_congested = true;
  box.send(text("c"));
  box.send(text("d", 1));
  ways.output.throws_once = true;
  CHECK_THROWS_AS(ways.backlog.share(1'000), std::bad_alloc);
  CHECK(said(ways.output, "c") == "a|c");
  ways.output.throws_once = true;
  box.send(text("e", 2));
  CHECK_THROWS_AS(box.send_last(kDone), std::bad_alloc);
  box.send_last(kDone);
  CHECK(said(ways.output, "c") == "a|c|d|e|done");
}

TEST_CASE("a chat that is given up leaves nothing in the backlog") {
  Ways ways;
  ways.output.is_congested = true;
  auto gone = ways.open("gone");
  const auto stays = ways.open("stays");
  gone->send(text("a"));
  gone->send(WarningEvent{"w", "m"});
  gone->send(text("b"));
  stays->send(text("c"));
  gone.reset();
  CHECK(ways.backlog.total() == 1);
  ways.output.is_congested = false;
  ways.backlog.relieve();
  CHECK(said(ways.output, "gone").empty());
  CHECK(said(ways.output, "stays") == "c");
}

TEST_CASE("a delta beyond the limit is split between characters") {
  Ways ways;
  const auto box = ways.open("c", {.max_delta_bytes = 5});
  box->send(
      text("ab\xC3\xA9"
           "cd\xE2\x82\xAC\xF0\x9F\x98\x80z"));
  CHECK(said(ways.output, "c") ==
        "ab\xC3\xA9"
        "c|d\xE2\x82\xAC|\xF0\x9F\x98\x80z");
  ways.output.is_congested = true;
  for (int i = 0; i < 4; ++i) box->send(text("\xE2\x82\xAC"));
  ways.output.is_congested = false;
  ways.backlog.relieve();
  CHECK(said(ways.output, "c").ends_with("|\xE2\x82\xAC|\xE2\x82\xAC|\xE2\x82\xAC|\xE2\x82\xAC"));
}

TEST_CASE("deltas of one part are merged for the interval") {
  Ways ways;
  const auto box = ways.open("c", {.delta_interval = milliseconds(20)});
  box->send(text("a"));
  ways.clock.advance(milliseconds(19));
  box->send(text("b"));
  CHECK(ways.output.text().empty());
  ways.clock.advance(milliseconds(1));
  CHECK(said(ways.output, "c") == "ab");
  ways.clock.advance(milliseconds(100));
  box->send(text("c"));
  box->send(text("d", 1));
  CHECK(said(ways.output, "c") == "ab|c");
  box->send(WarningEvent{"w", "m"});
  CHECK(said(ways.output, "c") == "ab|c|d|warning");
  box->send(text("e"));
  box->send_last(kDone);
  CHECK(said(ways.output, "c") == "ab|c|d|warning|e|done");
  CHECK(ways.clock.pending() == 0);
  CHECK(ways.backlog.total() == 0);
}

TEST_CASE("a merged delta is sent once it is long enough") {
  Ways ways;
  const auto box = ways.open("c", {.delta_interval = milliseconds(20), .delta_size = 3});
  box->send(text("a"));
  box->send(text("b"));
  CHECK(ways.output.text().empty());
  box->send(text("c"));
  CHECK(said(ways.output, "c") == "abc");
  box->send(text("defg"));
  CHECK(said(ways.output, "c") == "abc|defg");
}

TEST_CASE("the upstream is paused while a chat holds much, and told when it may go on") {
  Ways ways;
  const auto box = ways.open("c", {.max_held = 10});
  int relieved = 0;
  box->on_relieved([&] { ++relieved; });
  ways.output.is_congested = true;
  box->send(text("123456789"));
  CHECK(!box->must_pause());
  box->send(text("0"));
  CHECK(box->must_pause());
  ways.output.is_congested = false;
  CHECK(relieved == 0);
  ways.backlog.relieve();
  CHECK(relieved == 1);
  CHECK(!box->must_pause());
  CHECK(said(ways.output, "c") == "1234567890");
}

TEST_CASE("all chats that hold something are paused once all of them and stdout hold too much") {
  Ways ways;
  const OutboxLimits limits{.max_total = 100};
  const auto one = ways.open("one", limits);
  const auto two = ways.open("two", limits);
  ways.output.is_congested = true;
  ways.output.pending_bytes = 90;
  one->send(text("12345"));
  CHECK(!one->must_pause());
  two->send(text("12345"));
  CHECK(one->must_pause());
  CHECK(two->must_pause());
  CHECK(!ways.open("idle", limits)->must_pause());
}

TEST_CASE("a delta that is merged for a while never pauses its upstream for good") {
  Ways ways;
  ways.output.pending_bytes = 1000;
  const auto box = ways.open("c", {.max_total = 100, .delta_interval = milliseconds(20)});
  int relieved = 0;
  box->on_relieved([&] { ++relieved; });
  box->send(text("a"));
  const bool paused = box->must_pause();
  ways.clock.advance(milliseconds(20));
  CHECK(said(ways.output, "c") == "a");
  CHECK(paused == (relieved > 0));
}

TEST_CASE("relief goes round: a chat that holds much does not make the others wait") {
  Ways ways;
  ways.output.is_congested = true;
  const auto big = ways.open("big");
  const auto small = ways.open("small");
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    big->send(text(std::string(1000, 'x'), i));
    expected += (i > 0 ? "|" : "") + std::string(1000, 'x');
  }
  small->send(text("y"));
  ways.output.is_congested = false;
  ways.output.congest_at = 40'000;
  ways.backlog.relieve();
  CHECK(ways.output.is_congested);
  CHECK(said(ways.output, "small") == "y");
  CHECK(said(ways.output, "big") != expected);
  for (int i = 0; i < 5; ++i) {
    ways.output.drain();
    ways.backlog.relieve();
  }
  CHECK(said(ways.output, "big") == expected);
  CHECK(ways.backlog.total() == 0);
}

TEST_CASE("a chat may end while it is relieved") {
  Ways ways;
  ways.output.is_congested = true;
  auto box = ways.open("c");
  const auto other = ways.open("other");
  box->send(text("a"));
  other->send(text("b"));
  box->on_relieved([&] {
    const auto last = std::move(box);
    last->send_last(kDone);
  });
  ways.output.is_congested = false;
  ways.backlog.relieve();
  CHECK(said(ways.output, "c") == "a|done");
  CHECK(said(ways.output, "other") == "b");
}

TEST_CASE("events that a dialect has no word for take no number") {
  Ways ways;
  ways.encoder = make_encoder(Dialect::leanspec);
  const auto box = ways.open("c");
  box->send(StartEvent{0, "p", "m", 1, {}});
  CHECK(ways.output.text().empty());
  ways.output.is_congested = true;
  box->send(StartEvent{1, "p", "m", 1, {}});
  box->send(text("a"));
  box->send_last(kDone);
  const auto frames = ways.output.frames();
  REQUIRE(frames.size() == 2);
  CHECK(frames[0]["type"] == "chunk");
  CHECK(frames[1]["type"] == "done");
}
