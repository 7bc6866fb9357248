#include "protocol/encode_ui.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

using namespace aiw;
using Json = nlohmann::json;

// Cases that the AI SDK's own reader cannot produce. tests/ui reads whole chats with that reader.
namespace {

const std::unique_ptr<FrameEncoder> kEncoder = make_encoder(Dialect::v1);

// Frames of a chat "c1" whose step 0 has started.
class UiChat {
 public:
  UiChat() { send(StartEvent{0, "p", "m", 1, {}}); }

  UiChat& send(const ChatEvent& event) {
    if (events_->tells(event)) seq_ += events_->event(out_, seq_, event);
    return *this;
  }
  // Returns the chunks since the last call. Checks that their frames are numbered without gaps.
  std::vector<Json> chunks() {
    std::vector<Json> chunks;
    for (std::size_t end; (end = out_.find('\n')) != std::string::npos; out_.erase(0, end + 1)) {
      const Json frame = Json::parse(out_.substr(0, end));
      CHECK(frame.at("id") == "c1");
      CHECK(frame.at("seq") == seen_++);
      if (frame.at("type") == "ui") chunks.push_back(frame.at("data"));
    }
    CHECK(seen_ == seq_);
    return chunks;
  }
  std::string types() {
    std::string types;
    for (const auto& chunk : chunks()) types += (types.empty() ? "" : " ") + chunk.at("type").get<std::string>();
    return types;
  }
  UiChat& text(int part, std::string_view text) { return send(DeltaEvent{0, part, ContentKind::text, text, {}}); }
  UiChat& done() {
    DoneEvent done;
    done.messages = {"[]"};
    return send(done);
  }
  UiChat& state(int part, std::string_view state) { return send(PartStateEvent{0, part, state}); }
  UiChat& call(bool needs_approval = false) {
    return send(ToolCallEvent{0, "t1", "rm", JsonSpan{"{}"}, "{ }", "parent", {}, needs_approval});
  }

 private:
  std::unique_ptr<EventEncoder> events_ = kEncoder->chat("c1", true);
  std::string out_;
  std::uint64_t seq_ = 0, seen_ = 0;
};

}  // namespace

TEST_CASE("ui: a part ends when its state has arrived and another part begins") {
  UiChat chat;
  CHECK(chat.types() == "start start-step");
  chat.send(DeltaEvent{0, 0, ContentKind::reasoning, "Hm", {}}).state(0, "s0");
  CHECK(chat.types() == "reasoning-start reasoning-delta");
  CHECK(chat.text(1, "A").types() == "reasoning-end text-start text-delta");
  chat.text(2, "B").text(1, "C");  // no event ended part 1
  CHECK(chat.types() == "text-start text-delta text-delta");
  chat.done();
  CHECK(chat.types() == "text-end text-end finish-step finish");
}

TEST_CASE("ui: a part with only a state keeps its place among the parts") {
  UiChat chat;
  chat.state(0, "opaque")
      .text(1, "A")
      .state(3, "later")
      .send(PartBeganEvent{0, 2, ContentKind::text})
      .state(2, "empty");
  CHECK(chat.types() == "start start-step custom text-start text-delta");
  chat.done();
  const auto chunks = chat.chunks();
  CHECK(chunks.at(0) == Json({{"type", "text-end"}, {"id", "0.1"}}));
  CHECK(chunks.at(1).at("type") == "text-start");
  CHECK(chunks.at(2).at("providerMetadata").at("aiWorker").at("providerState") == "empty");
  CHECK(chunks.at(3).at("type") == "custom");
  CHECK(chunks.at(3).at("providerMetadata").at("aiWorker").at("providerState") == "later");
}

TEST_CASE("ui: an approved call gets an approval response and its output") {
  UiChat chat;
  chat.call(true);
  CHECK(chat.types() == "start start-step tool-input-available tool-approval-request");
  chat.send(ToolApprovalEvent{"t1", true, {}})
      .send(ToolResultEvent{0, "t1", "rm", JsonSpan{R"({"type":"text","value":"gone"})"}, true});
  const auto chunks = chat.chunks();
  CHECK(chunks.at(0) == Json({{"type", "tool-approval-response"}, {"approvalId", "t1"}, {"approved", true}}));
  CHECK(chunks.at(1).at("output") == "gone");
}

TEST_CASE("ui: a denied call keeps the model's error text and the provider state") {
  UiChat chat;
  chat.send(PartBeganEvent{0, 0, ContentKind::tool_input, "t1", "rm"}).state(0, "s").call(true);
  chat.chunks();
  chat.send(ToolApprovalEvent{"t1", false, "no"})
      .send(ToolResultEvent{0, "t1", "rm", JsonSpan{R"({"type":"error-text","value":"not approved: no"})"}});
  const auto chunks = chat.chunks();
  CHECK(chunks.at(0) ==
        Json::parse(R"({"type":"tool-approval-response","approvalId":"t1","approved":false,"reason":"no",
        "providerMetadata":{"aiWorker":{"providerState":"s","inputText":"{ }","denied":"not approved: no"}}})"));
  CHECK(chunks.at(1) == Json({{"type", "tool-output-denied"}, {"toolCallId", "t1"}}));
}

TEST_CASE("ui: a result for a call of an earlier chat is written after that call") {
  UiChat chat;
  chat.chunks();
  chat.send(ToolResultEvent{0, "srv", "web_search", JsonSpan{R"({"type":"json","value":[1]})"}});
  const auto chunks = chat.chunks();
  CHECK(chunks.at(0).at("type") == "tool-input-available");
  CHECK(chunks.at(0).at("providerMetadata").at("aiWorker").at("shownOnly") == true);
  CHECK(chunks.at(1).at("output") == Json({1}));
}

TEST_CASE("ui: a retry resets only its own step, and only if that step was shown") {
  UiChat chat;
  chat.chunks();
  CHECK(chat.send(RetryEvent{0, 2, "overloaded", 10}).types() == "data-aiWorkerRetry");
  CHECK(chat.text(0, "A").call().types() == "text-start text-delta text-end tool-input-available");
  chat.send(StartEvent{1, "p", "m", 1, {}});
  chat.send(DeltaEvent{1, 0, ContentKind::text, "B", {}}).send(RetryEvent{1, 2, "upstream_reset", 10});
  CHECK(chat.types() == "finish-step start-step text-start text-delta reset-step data-aiWorkerRetry");
  chat.send(DeltaEvent{1, 0, ContentKind::text, "C", {}})
      .send(ToolResultEvent{0, "t1", "rm", JsonSpan{R"({"type":"text","value":"x"})"}, true});
  CHECK(chat.types() == "text-start text-delta tool-output-available");
}

TEST_CASE("ui: documents become sources, and events outside a message are transient or left out") {
  UiChat chat;
  chat.chunks();
  chat.send(SourceEvent{0, "document", {}, {}, {}, {}, "a.pdf", "words"}).send(WarningEvent{"c", "m"});
  chat.send(HeartbeatEvent{}).send(UsageEvent{}).send(ToolCancelEvent{"t", "r"});
  const auto chunks = chat.chunks();
  REQUIRE(chunks.size() == 3);
  CHECK(chunks.at(0) == Json::parse(R"({"type":"source-document","sourceId":"source-0",
        "mediaType":"application/octet-stream","title":"a.pdf","filename":"a.pdf",
        "providerMetadata":{"aiWorker":{"quote":"words"}}})"));
  CHECK(chunks.at(1).at("transient") == true);
  CHECK(chunks.at(2).at("transient") == true);
}

TEST_CASE("ui: a chat that fails before its start gets an error chunk and an error frame") {
  const auto events = kEncoder->chat("c1", true);
  std::string out;
  CHECK(events->event(out, 0, ErrorEvent{Error{.code = "shutting_down", .message = ""}, {}, {}}) == 2);
  CHECK(out.starts_with(R"({"id":"c1","seq":0,"type":"ui","data":{"type":"error","errorText":"shutting_down"}})"));
  CHECK(out.find(R"({"id":"c1","seq":1,"type":"error",)") != std::string::npos);
}

TEST_CASE("a call that is shown early does not end the text, and its state may follow it") {
  UiChat chat;
  chat.text(0, "a").send(PartBeganEvent{0, 1, ContentKind::tool_input, "t1", "rm"});
  chat.send(ToolCallEvent{0, "t1", "rm", JsonSpan{R"({"x":1})"}, R"({"x": 1})", "parent", {}, false, true});
  CHECK(chat.types() == "start start-step text-start text-delta tool-input-start tool-input-available");
  chat.state(1, "s");
  const auto again = chat.chunks();
  REQUIRE(again.size() == 1);
  CHECK(again[0]["type"] == "tool-input-available");
  CHECK(again[0]["input"] == Json{{"x", 1}});
  CHECK(again[0]["providerMetadata"]["aiWorker"] == Json{{"providerState", "s"}, {"inputText", R"({"x": 1})"}});
  chat.text(0, "b").done();
  CHECK(chat.types() == "text-delta text-end finish-step finish");
}
