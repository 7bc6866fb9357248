// The options of a Messages request: everything before its conversation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/json_writer.hpp"
#include "worker/providers/anthropic_messages/api.hpp"
#include "worker/providers/anthropic_messages/model.hpp"
#include "worker/providers/codec/request.hpp"
#include "worker/providers/provider.hpp"

namespace aiw::anthropic_messages {

// Writes one JSON object, in a fixed order. `input` and `notes` must outlive it.
class Options {
 public:
  Options(const StepInput& input, Host host, RequestNotes& notes);

  // The history allows no thinking budget.
  void forbid_thinking_budget();
  void set_container(std::string id) { container_ = std::move(id); }
  // `betas` stand in the body for Bedrock; elsewhere they are a header.
  std::string write(const std::vector<std::string>& betas);
  // What the system prompt must say because the model has no field for it; empty: nothing.
  [[nodiscard]] std::string instruction() const;

 private:
  void decide_max_tokens();
  void decide_thinking();
  void decide_budget(std::int64_t wanted);
  void write_host(const std::vector<std::string>& betas);
  void write_thinking();
  void write_output_config();
  void write_sampling();
  void write_stop_sequences();
  void write_tools();
  void write_tool(const Tool& tool);
  [[nodiscard]] bool is_tool_forced() const;
  void write_tool_choice();
  void note_unsupported();

  const StepInput& input_;
  const ChatRequest& chat_;
  const Host host_;
  RequestNotes& notes_;
  const ModelRules rules_;
  std::string out_;
  JsonWriter writer_{out_};

  std::int64_t max_tokens_ = 0;
  std::int64_t budget_ = 0;  // 0: none
  bool adaptive_ = false;
  std::string effort_;     // empty: none
  std::string container_;  // empty: none
};

}  // namespace aiw::anthropic_messages
