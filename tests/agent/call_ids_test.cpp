#include "worker/agent/call_ids.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <string>

#include "protocol/decode.hpp"

using namespace aiw;

namespace {

// A chat whose history has calls with these ids.
struct Chat {
  explicit Chat(const std::vector<std::string>& ids = {}) {
    std::string json = R"([{"role":"user","content":"q"}])";
    for (const auto& id : ids) {
      json.insert(json.size() - 1, R"(,{"role":"assistant","content":[{"type":"tool-call","toolCallId":")" + id +
                                       R"(","toolName":"t","input":{}}]})");
    }
    const auto line = std::make_shared<std::string>(std::move(json));
    transcript = std::make_unique<Transcript>(decode_messages(*line), line);
    call_ids = std::make_unique<CallIds>(*transcript);
  }
  std::string make(int part, std::string_view provider_id) { return call_ids->find_or_make(part, provider_id); }

  std::unique_ptr<Transcript> transcript;
  std::unique_ptr<CallIds> call_ids;
};

}  // namespace

TEST_CASE("a call keeps the provider's id, in every frame of its part") {
  Chat chat;
  CHECK(chat.make(0, "a") == "a");
  CHECK(chat.make(1, "b") == "b");
  CHECK(chat.make(0, "a") == "a");
  CHECK(chat.make(-1, "b") == "b");
}

TEST_CASE("an id made with a suffix is never the id of another call, whichever comes first") {
  Chat chat;
  CHECK(chat.make(0, "a") == "a");
  const std::string second = chat.make(1, "a");
  CHECK(second == "a_1");
  const std::string real = chat.make(2, "a_1");
  CHECK(real != second);
  CHECK(chat.make(3, real) != real);
  CHECK(chat.make(1, "a") == second);  // and it stays as it is
  CHECK(chat.make(2, "a_1") == real);

  Chat other;
  CHECK(other.make(0, "a_2") == "a_2");
  CHECK(other.make(1, "a") == "a");
  CHECK(other.make(2, "a") != "a_2");
}

TEST_CASE("an id of the history is not given to a new call, nor is its suffix that a real id has") {
  Chat chat({"a", "a_3"});  // three messages, so the first suffix would be 3
  CHECK(chat.make(0, "a") != "a");
  CHECK(chat.make(0, "a") != "a_3");
  Chat real({"a"});
  const std::string made = real.make(0, "a");
  CHECK(made == "a_2");
  CHECK(real.make(1, "a_2") != made);
}

TEST_CASE("a later attempt gives its calls other ids than an earlier one") {
  Chat chat;
  std::set<std::string> ids;
  for (int attempt = 0; attempt < 5; ++attempt) {
    chat.call_ids->begin_attempt();
    const std::string id = chat.make(0, "a");
    CHECK(ids.insert(id).second);
    CHECK(chat.make(0, "a") == id);
    CHECK(ids.insert(chat.make(1, "a")).second);
    CHECK(ids.insert(chat.make(2, "a_1")).second);
  }
}

TEST_CASE("long ids are cut, and those that begin alike stay apart") {
  Chat chat;
  const std::string first = chat.make(0, std::string(100'000, 'i') + "1");
  const std::string second = chat.make(1, std::string(100'000, 'i') + "2");
  CHECK(first != second);
  CHECK(first.size() < 600);
  CHECK(second.size() < 600);
}
