// Result of one chat, built from its frames, with checks of the protocol's guarantees.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace aiw::tools {

// Finished chat in the terms of the corpus' expected results (finish: `tool-calls`, usage: `cache_read` ...).
struct Outcome {
  std::string text;
  std::string reasoning;
  std::string refusal;
  nlohmann::json tool_calls = nlohmann::json::array();  // {id, name, arguments, arguments_text}; client-side calls only
  std::string finish;                                   // `error` if the chat ended with an error
  nlohmann::json usage;                                 // null if no usage was reported
  nlohmann::json error;                                 // data of the error event; null if none
};

class ChatLog {
 public:
  // `frame` is a parsed line with this chat's id.
  void add(const nlohmann::json& frame);
  // Records a violation that belongs to no frame, such as a line that is not JSON.
  void violated(std::string what) { violations_.push_back(std::move(what)); }

  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] const Outcome& outcome() const { return outcome_; }
  // Returns descriptions of protocol violations: gaps in seq, a second terminal event, invalid orders of events.
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
  std::string visible_;  // text and refusal in order of arrival
  std::vector<PartSeen> parts_;
  std::vector<std::string> calls_;    // ids of calls of every executor
  std::vector<std::string> results_;  // ids of results without a preceding call
  nlohmann::json step_usage_;         // usage of the current step, in the corpus' terms
  std::int64_t next_seq_ = 0;
  int step_ = -1;
  bool ended_ = false;
};

}  // namespace aiw::tools
