// Assembles the tool calls of one Chat Completions response from fragments, whichever way a server numbers them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/providers/codec/event_json.hpp"
#include "worker/providers/step.hpp"

namespace aiw {

// Follows JSON text just far enough to detect the end of its outermost object or array.
class JsonEndFinder {
 public:
  void add(std::string_view text);
  // True if the text so far is one complete object or array.
  [[nodiscard]] bool closed() const { return opened_ && depth_ == 0 && !in_string_; }

 private:
  std::size_t depth_ = 0;
  bool opened_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
};

// One entry of `tool_calls` as received. Views are valid for the event.
struct ToolCallFragment {
  std::optional<std::int64_t> index;
  std::string_view id;
  std::string_view name;
  std::string_view arguments;
  std::string_view extra_content;  // JSON; empty: none
  bool is_custom = false;          // the arguments are text, not JSON
};

class ToolCallAssembler {
 public:
  static constexpr std::size_t kMaxCalls = 4096;

  // `state_tag` begins the provider states of calls that have one. It must outlive this object.
  explicit ToolCallAssembler(std::string_view state_tag) : state_tag_(state_tag) {}

  // Adds an entry of `tool_calls`: {id, function: {name, arguments}}. `call` has the id, and `function` the rest; both
  // may be the same object. An empty entry is ignored. Results are those of the other add().
  bool add(const EventJson& json, std::optional<std::int64_t> index, const JsonElement& call,
           const JsonElement& function, int& next_part, StepSink& sink);
  // Forwards the fragment's arguments as a tool_input delta. A new call takes `next_part` and advances it. False: the
  // call would exceed the limit on calls.
  bool add(const ToolCallFragment& fragment, bool repaired, int& next_part, StepSink& sink);
  // Call when the response is complete: reports the calls in the order in which they began. `cut_short` means that a
  // limit or a filter stopped the response; calls with incomplete arguments are then left out.
  void finish(bool cut_short, StepSink& sink);
  [[nodiscard]] bool empty() const { return calls_.empty(); }
  // True if the input of every call is complete.
  [[nodiscard]] bool all_closed() const;

 private:
  struct Call {
    int part = 0;
    std::string id;
    std::string name;
    std::string arguments;
    std::string extra_content;
    TextJoiner joiner{};
    JsonEndFinder end{};
    bool is_custom = false;
  };

  Call& begin(const ToolCallFragment& fragment, int& next_part);
  Call* find(const ToolCallFragment& fragment);
  static bool begins_another(const Call& call, const ToolCallFragment& fragment);
  void finish_custom(Call& call, StepSink& sink);
  void forward(Call& call, std::string_view text, StepSink& sink);
  const std::string& id_of(Call& call);

  const std::string_view state_tag_;
  std::vector<Call> calls_;
  std::map<std::int64_t, std::size_t> latest_by_index_;  // positions in calls_
  std::map<std::string, std::size_t> by_id_;  // positions in calls_; the latest call with each id of the wire
};

}  // namespace aiw
