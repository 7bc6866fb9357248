#include "tools/replay/chat_player.hpp"

#include <utility>

#include "tools/replay/match.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

bool contains(const json& frame, const json& subset) {
  std::vector<Difference> differences;
  match_subset("", subset, frame, differences);
  return differences.empty();
}

// Sends and removes every input line whose `after` matches the frame, in order.
void send_due(WorkerDriver& driver, const json& frame, std::vector<InputLine>& inputs) {
  std::erase_if(inputs,
                [&](const InputLine& input) { return contains(frame, input.after) && driver.send(input.line.dump()); });
}

}  // namespace

PlayedChat play_chat(WorkerDriver& driver, const std::string& id, const std::string& chat_line,
                     std::vector<InputLine> inputs, std::chrono::seconds silence) {
  PlayedChat played;
  driver.send(chat_line);
  while (!played.log.ended()) {
    const auto frame = driver.next(silence);
    if (!frame) {
      played.problems.emplace_back("no terminal event came");
      break;
    }
    if (frame->at("id") == id) {
      played.log.add(*frame);
      send_due(driver, *frame, inputs);
    } else if (frame->at("type") == "rejected") {
      played.problems.push_back("a line was rejected: " + frame->dump(-1, ' ', false, json::error_handler_t::replace));
    }
  }
  for (const auto& input : inputs) {
    played.problems.push_back("the frame never came that the parent's " + input.line.value("type", "") + " waits for");
  }
  return played;
}

}  // namespace aiw::tools
