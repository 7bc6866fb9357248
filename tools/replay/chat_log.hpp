// What the frames of one chat amount to, and whether they kept the protocol's promises.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace aiw::tools {

// A finished chat in the words of the corpus' expected results (finish: `tool-calls`, usage: `cache_read` ...).
struct Outcome {
  std::string text;
  std::string reasoning;
  std::string refusal;
  nlohmann::json tool_calls = nlohmann::json::array();  // {id, name, arguments, arguments_text}, the client's only
  std::string finish;                                   // `error` if the chat ended with one
  nlohmann::json usage;                                 // null: no usage came
  nlohmann::json error;                                 // the error event's data; null: none
};

class ChatLog {
 public:
  // `frame` is a parsed line whose id is this chat's.
  void add(const nlohmann::json& frame);
  // Anything wrong that has no frame of its own, such as a line that is no JSON.
  void violated(std::string what) { violations_.push_back(std::move(what)); }

  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] const Outcome& outcome() const { return outcome_; }
  // Broken promises, in words: gaps in seq, a second terminal event, orders that must not be.
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  [[nodiscard]] const std::vector<nlohmann::json>& frames() const { return frames_; }

 private:
  void add_event(const std::string& type, const nlohmann::json& data);
  void on_start(const nlohmann::json& data);
  void on_delta(const nlohmann::json& data);
  void on_tool_call(const nlohmann::json& data);
  void on_tool_result(const nlohmann::json& data);
  void on_usage(const nlohmann::json& data);
  void on_end(const std::string& type, const nlohmann::json& data);
  void check_messages(const nlohmann::json& messages);
  void check_step(const std::string& type, const nlohmann::json& data);

  struct PartSeen {
    int step = 0;
    int part = 0;
    std::string kind;
    std::string text;
    std::string tool_call_id;
  };
  PartSeen& part_of(const nlohmann::json& data);

  std::vector<nlohmann::json> frames_;
  std::vector<std::string> violations_;
  Outcome outcome_;
  std::string visible_;  // text and refusal in the order of arrival
  std::vector<PartSeen> parts_;
  std::vector<std::string> calls_;    // ids, of every executor
  std::vector<std::string> results_;  // ids of results that no call came before
  nlohmann::json step_usage_;         // of the current step, in the corpus' words
  std::int64_t next_seq_ = 0;
  int step_ = -1;
  bool ended_ = false;
};

}  // namespace aiw::tools
