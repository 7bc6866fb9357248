// The examples of the schemas agree with the decoder.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/protocol/decoding.hpp"

using namespace aiw;
using namespace nlohmann::literals;
using nlohmann::ordered_json;

namespace {

namespace fs = std::filesystem;

// Calls on_example(name, json) for each file in a folder of examples.
template <typename F>
void each_example(const char* folder, F&& on_example) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(AIW_SOURCE_DIR) / "schemas/examples" / folder)) {
    std::ifstream file(entry.path());
    on_example(entry.path().filename().string(), ordered_json::parse(file));
    ++count;
  }
  CHECK(count > 0);
}

std::string reload_line(const ordered_json& config) {
  return ordered_json{{"id", "r"}, {"type", "reload_config"}, {"payload", config}}.dump();
}

}  // namespace

TEST_CASE("every example request is accepted as the type that it names") {
  each_example("requests", [](const std::string& name, const ordered_json& line) {
    CAPTURE(name);
    const ordered_json request = test::describe(test::decode(line.dump()));
    CHECK(request.at("is") == line.at("type"));
    CHECK(request.at("id") == line.at("id"));
  });
}

TEST_CASE("every example config can be the default config") {
  each_example("config", [](const std::string& name, const ordered_json& config) {
    CAPTURE(name);
    const auto request = test::decode_as<ReloadConfigRequest>(reload_line(config));
    CHECK(request.config.providers.size() == config.at("providers").size());
  });
}

TEST_CASE("example requests and configs that the schemas reject are rejected") {
  int count = 0;
  each_example("invalid", [&](const std::string& name, const ordered_json& example) {
    CAPTURE(name);
    const ordered_json& instance = example.at("instance");
    if (example.at("schema") != "request" && example.at("schema") != "config") return;
    const auto line = example.at("schema") == "request" ? instance.dump() : reload_line(instance);
    const RejectedLine rejected = test::decode_rejected(line);
    CHECK(rejected.error.category == Category::invalid_request);
    CHECK_FALSE(rejected.error.pointer.empty());
    ++count;
  });
  CHECK(count > 10);
}

TEST_CASE("the messages of frames can be sent back in a request") {
  each_example("events", [](const std::string& name, const ordered_json& frame) {
    if (!frame.contains("/data/messages"_json_pointer)) return;
    CAPTURE(name);
    const auto chat = test::decode_chat(test::messages_line(frame.at("data").at("messages").dump()));
    std::string json = frame.at("data").at("messages").dump();
    CHECK(test::describe(chat->messages) == test::describe(decode_messages(json)));
    CHECK(chat->messages.size() >= frame.at("data").at("messages").size());
  });
}
