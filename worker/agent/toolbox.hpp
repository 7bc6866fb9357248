// Tools of one chat: those that its request declares, those of other sources, and what runs each of them.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/chat.hpp"
#include "worker/agent/assistant_message.hpp"
#include "worker/executors/argument_schema.hpp"
#include "worker/executors/tool_runner.hpp"

namespace aiw {

// One tool as the agent loop sees it.
struct ToolEntry {
  std::string_view executor;  // name in `tool_call` events
  Approval approval = Approval::always;
  std::int64_t timeout_ms = 0;             // time limit of one call; 0: none
  std::shared_ptr<ToolRunner> runner{};    // nullptr: the parent runs the calls
  bool returned = false;                   // a call of this tool ends the chat
  std::string_view input_schema{};         // empty: no schema
  bool strict = false;                     // the provider may send "null" for an absent optional member
  std::optional<ArgumentSchema> schema{};  // parsed input_schema, created on first use
};

// Makes the runner of a tool that the request declares as an HTTP endpoint. Error: its URL or keys are not allowed.
using HttpToolMaker = std::function<std::expected<std::shared_ptr<ToolRunner>, Error>(std::shared_ptr<const HttpTool>)>;

class Toolbox {
 public:
  // Adds the tools of sources to `chat`, which must outlive the toolbox. The toolbox owns the texts of added tools, so
  // it must exist as long as `chat` is read.
  explicit Toolbox(ChatRequest& chat);
  Toolbox(const Toolbox&) = delete;
  Toolbox& operator=(const Toolbox&) = delete;

  // Makes the runners of HTTP tools. Error: an HTTP tool cannot be used.
  std::expected<void, Error> make_runners(const HttpToolMaker& make);
  // Opens every source. Returns false if there is none to wait for. Otherwise `on_ready` is called once, never within
  // this call. On failure it gets the error of the first source that failed.
  bool open(const std::vector<ToolSource*>& sources, std::function<void(std::expected<void, Error>)> on_ready);
  // Cancels the sources that are still opening.
  void close();

  [[nodiscard]] ToolEntry* find(std::string_view name);
  // Removes nulls that stand for absent members from the arguments of a strict tool, because its schema does not allow
  // them.
  void drop_absent(CheckedCall& call, std::size_t& work);
  // Returns why the arguments violate the tool's schema; nullopt if they do not. `work` limits the effort: once it is
  // used up, arguments are refused.
  static std::optional<std::string> first_violation(ToolEntry& tool, std::string_view arguments, std::size_t& work);

 private:
  struct Source {
    std::unique_ptr<ToolSource::Opening> opening;  // nullptr: the source has nothing to open, or is open
    OfferedTools tools;
  };

  void declare(const Tool& tool);
  void source_ready(std::size_t index, ToolSource::Result result);
  void offer_all();
  void offer(OfferedTool tool);
  [[nodiscard]] std::string_view keep(std::string text);

  ChatRequest& chat_;
  std::map<std::string, ToolEntry, std::less<>> entries_;
  std::deque<std::string> texts_;  // texts of the added tools; elements never move
  std::vector<Source> sources_;
  std::size_t waiting_ = 0;
  std::function<void(std::expected<void, Error>)> on_ready_;
};

}  // namespace aiw
