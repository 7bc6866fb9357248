// A step's request is the same bytes whether earlier steps left what they wrote or not.
#include <doctest/doctest.h>

#include <random>
#include <string>

#include "tests/providers/wire_chat.hpp"
#include "worker/providers/profile/adapted_chat.hpp"

using namespace aiw;
using namespace aiw::testing;
using nlohmann::json;

namespace {

// Conversations of everything that a builder looks beyond one message for.
class Conversations {
 public:
  explicit Conversations(unsigned seed) : random_(seed) {}

  json messages(std::size_t count, bool marks) {
    json all = json::array();
    while (all.size() < count) all.push_back(message(marks));
    return all;
  }
  std::size_t below(std::size_t limit) { return random_() % limit; }

 private:
  json text(bool marks) {
    json part = text_part(below(6) == 0 ? " " : "text " + std::to_string(below(1000)) + std::string(below(120), 'x'));
    if (marks && below(4) == 0) part["cache"] = true;
    return part;
  }
  json result() {
    const std::string id = "c" + std::to_string(below(9));
    if (below(3) > 0) return result_part(id, "text", "out");
    return result_part(id, "content",
                       {{{"type", "image"}, {"mediaType", "image/png"}, {"data", "iVBORw0KGgo="}}, text_part("t")});
  }
  json assistant_part(bool marks) {
    switch (below(6)) {
      case 0: return call_part("c" + std::to_string(below(9)), {{"a", below(9)}});
      case 1:
        return {{"type", "reasoning"}, {"text", "Hm"}, {"providerState", R"(anthropic-messages:{"signature":"s"})"}};
      case 2: return below(4) == 0 ? result() : text(marks);
      default: return text(marks);
    }
  }
  json message(bool marks) {
    json parts = json::array();
    const std::size_t role = below(9);
    const std::size_t size = 1 + below(3);
    for (std::size_t i = 0; i < size; ++i) {
      if (role == 0) parts.push_back(text(marks));
      if (role > 0 && role < 4) parts.push_back(below(5) == 0 ? result() : text(marks));
      if (role >= 4 && role < 7) parts.push_back(assistant_part(marks));
      if (role >= 7) parts.push_back(result());
    }
    return says(role == 0 ? "system" : role < 4 ? "user" : role < 7 ? "assistant" : "tool", parts);
  }

  std::mt19937 random_;
};

std::string built(const WireApi& api, const WireChat& chat, std::size_t count, WrittenHistory* written,
                  const std::shared_ptr<AdaptedChat>& adapted = nullptr) {
  const std::span<const Message> messages(chat.chat->messages);
  const auto request = build_request(api, {.chat = *chat.chat,
                                           .messages = messages.first(count),
                                           .target = chat.target,
                                           .now = {},
                                           .written = written,
                                           .adapted = adapted});
  return request ? request->http.body.str() : "error: " + request.error().message;
}

// Steps of `at_most` messages and fewer; true if anything was left to a later step.
bool check_steps(Api api, std::string_view model, Conversations& random, const json& messages, std::size_t at_most) {
  WireChat chat(api, {{"messages", messages}, {"system", "S"}});
  chat.target.model = model;
  WrittenHistory written;
  const auto adapted = std::make_shared<AdaptedChat>();
  std::size_t kept = 0;
  for (std::size_t count = 0; count < chat.chat->messages.size();) {
    count = std::min(count + 1 + random.below(at_most), chat.chat->messages.size());
    CAPTURE(count);
    const std::string expected = built(*wire_api(api), chat, count, nullptr);
    CHECK(built(*wire_api(api), chat, count, &written, adapted) == expected);
    CHECK(built(*wire_api(api), chat, count, &written, adapted) == expected);  // another attempt
    kept = std::max(kept, written.messages);
  }
  return kept > 0;
}

}  // namespace

TEST_CASE("what earlier steps wrote and what they would write are the same bytes") {
  for (const auto& [api, model] : {std::pair{Api::openai_chat, "model"}, std::pair{Api::anthropic_messages, "model"},
                                   std::pair{Api::anthropic_messages, "claude-opus-4-8"}}) {
    std::size_t kept = 0;
    for (unsigned seed = 0; seed < 150; ++seed) {
      CAPTURE(seed);
      Conversations random(seed);
      if (check_steps(api, model, random, random.messages(12, seed % 3 == 0), 4)) ++kept;
    }
    CHECK(kept > 100);
  }
}

TEST_CASE("a long history is written in several blocks") {
  for (const Api api : {Api::openai_chat, Api::anthropic_messages}) {
    Conversations random(7);
    CHECK(check_steps(api, "model", random, random.messages(3000, false), 2000));
  }
}

TEST_CASE("a later step writes what is new, and no more") {
  for (const Api api : {Api::openai_chat, Api::anthropic_messages}) {
    json messages = json::array();
    for (int i = 0; i < 1000; ++i) messages.push_back(says(i % 2 == 0 ? "user" : "assistant", text_part("t")));
    const WireChat chat(api, {{"messages", messages}});
    WrittenHistory written;
    built(*wire_api(api), chat, 901, &written);
    CHECK(written.messages >= 899);
    const std::size_t blocks = written.blocks.size();
    built(*wire_api(api), chat, 903, &written);
    CHECK(written.messages >= 901);
    CHECK(written.blocks.size() == blocks + 1);
    CHECK(written.blocks.back()->size() < 1000);
  }
}
