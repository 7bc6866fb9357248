#include "tools/replay/chat_log.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace aiw::tools {

using nlohmann::json;

namespace {

constexpr std::array<std::pair<const char*, const char*>, 5> kUsageNames = {{
    {"input", "inputTokens"},
    {"output", "outputTokens"},
    {"cache_read", "cachedInputTokens"},
    {"cache_write", "cacheWriteTokens"},
    {"reasoning", "reasoningTokens"},
}};

// Returns a member of the expected type, or an empty value. The schemas validate frames, not this code.
std::string string_in(const json& data, const char* key) {
  const auto found = data.find(key);
  return found != data.end() && found->is_string() ? found->get<std::string>() : std::string();
}
int int_in(const json& data, const char* key) {
  const auto found = data.find(key);
  return found != data.end() && found->is_number_integer() ? found->get<int>() : -1;
}

std::string corpus_finish(const std::string& reason) {
  if (reason == "tool_calls") return "tool-calls";
  if (reason == "content_filter" || reason == "refusal") return "content-filter";
  return reason;
}

void add_usage(json& sum, const json& more) {
  if (more.is_null()) return;
  if (sum.is_null()) {
    sum = more;
    return;
  }
  for (const auto& [name, value] : more.items()) {
    if (value.is_null()) continue;
    sum[name] =
        sum[name].is_null() ? value.get<std::int64_t>() : sum[name].get<std::int64_t>() + value.get<std::int64_t>();
  }
}

// Returns the concatenated text of all parts of a type in a list of messages.
std::string text_of(const json& messages, const char* type) {
  std::string out;
  for (const auto& message : messages) {
    const auto content = message.find("content");
    if (content == message.end() || !content->is_array()) continue;
    for (const auto& part : *content) {
      if (part.is_object() && string_in(part, "type") == type) out += string_in(part, "text");
    }
  }
  return out;
}

}  // namespace

void ChatLog::add(const json& frame) {
  frames_.push_back(frame);
  const std::string type = string_in(frame, "type");
  const auto data = frame.find("data");
  if (data == frame.end() || !data->is_object()) return violated("a " + type + " frame without data");
  if (type == "rejected") {
    outcome_.error = *data;
    outcome_.finish = "error";
    ended_ = true;
    return violated("the chat was rejected: " + data->dump(-1, ' ', false, json::error_handler_t::replace));
  }
  const auto seq = frame.find("seq");
  if (seq == frame.end() || *seq != next_seq_) {
    violated("seq of a " + type + " is not " + std::to_string(next_seq_));
  }
  ++next_seq_;
  if (ended_) return violated("a " + type + " after the terminal event");
  add_event(type, *data);
}

void ChatLog::add_event(const std::string& type, const json& data) {
  if (type == "start") return on_start(data);
  if (type == "delta") return on_delta(data);
  if (type == "tool_call") return on_tool_call(data);
  if (type == "tool_result") return on_tool_result(data);
  if (type == "usage") return on_usage(data);
  if (type == "done" || type == "error") return on_end(type, data);
}

void ChatLog::on_start(const json& data) {
  const int step = int_in(data, "step");
  if (step != step_ && step != step_ + 1)
    violated("start of step " + std::to_string(step) + " after " + std::to_string(step_));
  if (step != step_) add_usage(outcome_.usage, std::exchange(step_usage_, nullptr));
  step_ = step;
}

void ChatLog::check_step(const std::string& type, const json& data) {
  if (int_in(data, "step") == step_) return;
  violated("a " + type + " of step " + std::to_string(int_in(data, "step")) + " while step " + std::to_string(step_) +
           " runs");
}

ChatLog::PartSeen& ChatLog::part_of(const json& data) {
  const int step = int_in(data, "step"), part = int_in(data, "part");
  const auto found = std::ranges::find_if(parts_, [&](const PartSeen& p) { return p.step == step && p.part == part; });
  if (found != parts_.end()) return *found;
  return parts_.emplace_back(PartSeen{step, part, string_in(data, "kind"), {}, string_in(data, "toolCallId")});
}

void ChatLog::on_delta(const json& data) {
  check_step("delta", data);
  const std::string kind = string_in(data, "kind"), text = string_in(data, "text");
  PartSeen& part = part_of(data);
  if (part.kind != kind) violated("part " + std::to_string(part.part) + " is " + part.kind + " and " + kind);
  if (kind == "tool_input" && string_in(data, "toolCallId").empty()) violated("a tool_input delta without toolCallId");
  part.text += text;
  if (kind == "text") outcome_.text += text;
  if (kind == "reasoning") outcome_.reasoning += text;
  if (kind == "refusal") outcome_.refusal += text;
  if (kind == "text" || kind == "refusal") visible_ += text;
}

void ChatLog::on_tool_call(const json& data) {
  check_step("tool_call", data);
  const std::string id = string_in(data, "toolCallId"), input_text = string_in(data, "inputText");
  calls_.push_back(id);
  if (std::ranges::find(results_, id) != results_.end()) violated("the tool_result of " + id + " before its tool_call");
  for (const auto& part : parts_) {
    if (part.step != step_ || part.tool_call_id != id || part.text.empty() || part.text == input_text) continue;
    violated("the deltas of tool call " + id + " are not its inputText");
  }
  if (string_in(data, "executor") == "provider") return;
  outcome_.tool_calls.push_back({{"id", id},
                                 {"name", string_in(data, "toolName")},
                                 {"arguments", data.value("input", json())},
                                 {"arguments_text", input_text}});
}

void ChatLog::on_tool_result(const json& data) {
  check_step("tool_result", data);
  const std::string id = string_in(data, "toolCallId");
  // If the provider paused the response, the call belongs to an earlier chat.
  if (std::ranges::find(calls_, id) == calls_.end()) results_.push_back(id);
}

void ChatLog::on_usage(const json& data) {
  check_step("usage", data);
  step_usage_ = json::object();
  for (const auto& [name, field] : kUsageNames) step_usage_[name] = data.value(field, json());
}

void ChatLog::on_end(const std::string& type, const json& data) {
  ended_ = true;
  add_usage(outcome_.usage, std::exchange(step_usage_, nullptr));
  if (type == "error") {
    outcome_.error = data;
    outcome_.finish = "error";
  } else {
    outcome_.finish = corpus_finish(string_in(data, "finishReason"));
  }
  const auto messages = data.find("messages");
  if (messages != data.end() && messages->is_array()) {
    check_messages(*messages);
  } else if (!visible_.empty() || !outcome_.reasoning.empty()) {
    violated("the " + type + " has no messages although output came");
  }
}

void ChatLog::check_messages(const json& messages) {
  const std::string text = text_of(messages, "text");
  if (text != outcome_.text && text != visible_) violated("the text of the final messages is not that of the deltas");
  if (text_of(messages, "reasoning") != outcome_.reasoning) {
    violated("the reasoning of the final messages is not that of the deltas");
  }
}

}  // namespace aiw::tools
