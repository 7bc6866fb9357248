#include "worker/agent/history_repair.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/codes.hpp"

namespace aiw {
namespace {

constexpr std::string_view kNoResult = R"("This tool call was never answered.")";

struct Counts {
  std::size_t missing = 0, orphans = 0, moved = 0, empty_text = 0, empty_messages = 0;
};

class Repair {
 public:
  explicit Repair(std::vector<Message>& messages) : messages_(messages), turns_(messages.size()) {}

  Counts run() {
    for (std::size_t i = 0; i < messages_.size(); ++i) collect(i);
    for (std::size_t i = 0; i < messages_.size(); ++i) rebuild(i);
    // An empty conversation is left for the provider's request builder to reject.
    if (!rebuilt_.empty()) messages_ = std::move(rebuilt_);
    return counts_;
  }

 private:
  struct Call {
    RawString name;
    std::optional<ToolResultPart> result{};
  };
  struct Turn {
    std::vector<Call> calls;  // in order
    bool held_results = false;
  };
  // Calls with one id in the latest turn that has it. Providers number calls anew in each turn.
  struct Latest {
    std::size_t turn = 0;
    std::vector<std::size_t> calls;  // positions in that turn's calls
    std::size_t answered = 0;        // number of these calls that have a result
  };

  // Moves the results out of a message to the calls that they belong to.
  void collect(std::size_t index) {
    std::vector<Part>& parts = messages_[index].parts;
    for (const Part& part : parts) {
      if (const auto* call = std::get_if<ToolCallPart>(&part)) add_call(*call, index);
    }
    const auto taken = std::erase_if(parts, [&](Part& part) {
      auto* result = std::get_if<ToolResultPart>(&part);
      if (result != nullptr) give(*result);
      return result != nullptr;
    });
    turns_[index].held_results = taken > 0;
    if (!parts.empty()) last_content_ = index;
  }

  void add_call(const ToolCallPart& call, std::size_t index) {
    Latest& latest = latest_[call.tool_call_id.raw];
    if (latest.turn != index) latest = {index, {}, 0};
    latest.calls.push_back(turns_[index].calls.size());
    turns_[index].calls.push_back({call.tool_name});
  }

  void give(ToolResultPart& result) {
    const auto found = latest_.find(result.tool_call_id.raw);
    if (found == latest_.end() || found->second.answered == found->second.calls.size()) {
      ++counts_.orphans;
      return;
    }
    Latest& latest = found->second;
    Call& call = turns_[latest.turn].calls[latest.calls[latest.answered++]];
    if (result.tool_name.empty()) result.tool_name = call.name;
    if (last_content_ > latest.turn) ++counts_.moved;
    call.result = std::move(result);
  }

  void rebuild(std::size_t index) {
    Message& message = messages_[index];
    Turn& turn = turns_[index];
    counts_.empty_text += std::erase_if(message.parts, [](const Part& part) {
      const auto* text = std::get_if<TextPart>(&part);
      return text != nullptr && text->text.empty() && text->provider_state.empty();
    });
    std::vector<Part> results = results_of(message, turn);
    if (!message.parts.empty()) {
      rebuilt_.push_back(std::move(message));
    } else if (!turn.held_results) {
      ++counts_.empty_messages;
    }
    if (!results.empty()) rebuilt_.push_back({Role::tool, std::move(results)});
  }

  // Returns the results in the order of the calls, with an error for each call that has none. Gemini's and Ollama's
  // APIs match results to calls by their order.
  std::vector<Part> results_of(const Message& message, Turn& turn) {
    static const auto kMissing =
        std::make_shared<const ToolOutput>(ToolOutput{ToolOutputType::error_text, JsonSpan{kNoResult}, {}});
    std::vector<Part> results;
    for (const Part& part : message.parts) {
      const auto* call = std::get_if<ToolCallPart>(&part);
      if (call == nullptr) continue;
      auto& result = turn.calls[results.size()].result;
      if (!result) ++counts_.missing;
      results.emplace_back(result ? *std::move(result) : ToolResultPart{call->tool_call_id, call->tool_name, kMissing});
    }
    return results;
  }

  std::vector<Message>& messages_;
  std::vector<Turn> turns_;                    // by message
  std::map<std::string_view, Latest> latest_;  // by call id
  std::size_t last_content_ = 0;               // index of the last message with other parts than results
  std::vector<Message> rebuilt_;
  Counts counts_;
};

// Returns true if there is nothing to repair: no tools and no empty parts.
bool is_plain(const std::vector<Message>& messages) {
  return std::ranges::all_of(messages, [](const Message& message) {
    return !message.parts.empty() && std::ranges::none_of(message.parts, [](const Part& part) {
      const auto* text = std::get_if<TextPart>(&part);
      return std::holds_alternative<ToolCallPart>(part) || std::holds_alternative<ToolResultPart>(part) ||
             (text != nullptr && text->text.empty());
    });
  });
}

}  // namespace

std::vector<ChatRequest::Note> repair_history(std::vector<Message>& messages) {
  if (is_plain(messages)) return {};
  const Counts counts = Repair(messages).run();
  std::vector<ChatRequest::Note> notes;
  const auto note = [&](std::size_t count, std::string_view code, std::string_view what) {
    if (count > 0) notes.push_back({std::string(code), std::string(what) + ": " + std::to_string(count)});
  };
  note(counts.missing, warning_code::tool_result_missing, "tool calls without a result got an error result");
  note(counts.orphans, warning_code::tool_result_dropped, "tool results without a call were left out");
  note(counts.moved, warning_code::tool_result_moved, "tool results were moved to right after their calls");
  note(counts.empty_text, warning_code::empty_text_dropped, "text parts without text were left out");
  note(counts.empty_messages, warning_code::empty_message_dropped, "messages without content were left out");
  return notes;
}

}  // namespace aiw
