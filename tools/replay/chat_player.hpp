// Plays the parent's side of one chat: sends the chat line, then each input line when it is due.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tools/replay/cassette.hpp"
#include "tools/replay/chat_log.hpp"
#include "tools/replay/worker_driver.hpp"

namespace aiw::tools {

struct PlayedChat {
  ChatLog log;
  std::vector<std::string> problems;
};

// Returns when the chat has ended, or when the worker was silent for `silence`.
PlayedChat play_chat(WorkerDriver& driver, const std::string& id, const std::string& chat_line,
                     std::vector<InputLine> inputs, std::chrono::seconds silence);

}  // namespace aiw::tools
