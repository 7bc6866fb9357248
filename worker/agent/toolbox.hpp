// The tools of one chat: those its request declares and those that other sources bring, and how each is carried out.
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
#include "worker/agent/answer.hpp"
#include "worker/executors/argument_schema.hpp"
#include "worker/executors/tool_runner.hpp"

namespace aiw {

// One tool as the agent loop sees it.
struct ToolEntry {
  std::string_view executor;  // as `tool_call` names it
  Approval approval = Approval::always;
  std::int64_t timeout_ms = 0;             // of one call; 0: none
  std::shared_ptr<ToolRunner> runner{};    // nullptr: the parent's
  bool returned = false;                   // its calls end the chat
  std::string_view input_schema{};         // empty: none
  bool strict = false;                     // the provider may have said "null" for what is optional
  std::optional<ArgumentSchema> schema{};  // input_schema, once it was needed
};

// Makes what runs a tool that the request declares as an HTTP endpoint. Error: its URL or its keys may not be used.
using HttpToolMaker = std::function<std::expected<std::shared_ptr<ToolRunner>, Error>(std::shared_ptr<const HttpTool>)>;

class Toolbox {
 public:
  // Tools of sources are added to `chat`, which outlives the toolbox; the texts that it then refers to are the
  // toolbox's.
  explicit Toolbox(ChatRequest& chat);
  Toolbox(const Toolbox&) = delete;
  Toolbox& operator=(const Toolbox&) = delete;

  // Error: an HTTP tool cannot be used.
  std::expected<void, Error> make_runners(const HttpToolMaker& make);
  // Asks every source for its tools. Returns false if there is none to wait for; else `on_ready` is called once, never
  // within this call. An error is the first that a source gave.
  bool open(const std::vector<ToolSource*>& sources, std::function<void(std::expected<void, Error>)> on_ready);
  // Gives up what is being opened.
  void close();

  [[nodiscard]] ToolEntry* find(std::string_view name);
  // Takes the nulls that stand for an absent member out of a strict tool's arguments: its author's schema has none.
  void drop_absent(CheckedCall& call, std::size_t& work);
  // Why a call cannot be carried out as it is; nothing if it can.
  static std::optional<std::string> misfit(ToolEntry& tool, std::string_view arguments, std::size_t& work);

 private:
  struct Source {
    std::unique_ptr<ToolSource::Opening> opening;  // nullptr: nothing was asked of it, or it is open
    OfferedTools tools;
  };

  void declare(const Tool& tool);
  void source_ready(std::size_t index, ToolSource::Result result);
  void offer_all();
  void offer(OfferedTool tool);
  [[nodiscard]] std::string_view keep(std::string text);

  ChatRequest& chat_;
  std::map<std::string, ToolEntry, std::less<>> entries_;
  std::deque<std::string> texts_;  // what the added tools refer to: elements never move
  std::vector<Source> sources_;
  std::size_t waiting_ = 0;
  std::function<void(std::expected<void, Error>)> on_ready_;
};

}  // namespace aiw
