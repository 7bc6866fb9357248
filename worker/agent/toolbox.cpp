#include "worker/agent/toolbox.hpp"

#include <utility>

#include "protocol/codes.hpp"
#include "protocol/json_reader.hpp"
#include "worker/executors/tool_arguments.hpp"

namespace aiw {
namespace {

constexpr int kMaxSchemaDepth = 64;  // depth that fits the request body of every provider

std::string_view executor_name(ToolExecutor executor) {
  switch (executor) {
    case ToolExecutor::parent: return "parent";
    case ToolExecutor::http: return "http";
    case ToolExecutor::provider: return "provider";
    case ToolExecutor::returned: break;
  }
  return "return";
}

std::string escaped(std::string_view text) {
  std::string out;
  append_json_escaped(out, sanitize_utf8(text));
  return out;
}

}  // namespace

Toolbox::Toolbox(ChatRequest& chat) : chat_(chat) {
  if (chat_.mcp_only && !chat_.tools.empty()) {
    chat_.tools.clear();
    chat_.notes.push_back({warning_code::tools_ignored, "mcpOnly: the request's own tools are not offered"});
  }
  for (const auto& tool : chat_.tools) declare(tool);
}

void Toolbox::declare(const Tool& tool) {
  if (tool.name.empty()) return;  // a provider tool, which the provider runs itself
  entries_.emplace(tool.name.text(), ToolEntry{.executor = executor_name(tool.executor),
                                               .approval = tool.approval,
                                               .timeout_ms = tool.timeout_ms.value_or(chat_.timeouts.tool_ms),
                                               .returned = tool.executor == ToolExecutor::returned,
                                               .input_schema = tool.input_schema.json,
                                               .strict = tool.strict.value_or(false)});
}

std::expected<void, Error> Toolbox::make_runners(const HttpToolMaker& make) {
  for (std::size_t i = 0; i < chat_.tools.size(); ++i) {
    const Tool& tool = chat_.tools[i];
    if (tool.executor != ToolExecutor::http) continue;
    auto runner = make(tool.http);
    if (!runner) {
      Error error = std::move(runner).error();
      error.pointer = "/payload/tools/" + std::to_string(i) + "/http";
      error.message = "tool \"" + tool.name.text() + "\": " + error.message;
      return std::unexpected(std::move(error));
    }
    find(tool.name.text())->runner = *std::move(runner);
  }
  return {};
}

bool Toolbox::open(const std::vector<ToolSource*>& sources, std::function<void(std::expected<void, Error>)> on_ready) {
  on_ready_ = std::move(on_ready);
  sources_.resize(sources.size());
  for (std::size_t i = 0; i < sources.size(); ++i) {
    sources_[i].opening =
        sources[i]->open(chat_, [this, i](ToolSource::Result result) { source_ready(i, std::move(result)); });
    if (sources_[i].opening) ++waiting_;
  }
  return waiting_ > 0;
}

void Toolbox::close() {
  for (auto& source : sources_) source.opening.reset();
}

void Toolbox::source_ready(std::size_t index, ToolSource::Result result) {
  sources_[index].opening.reset();
  if (!result) {
    close();
    return on_ready_(std::unexpected(std::move(result).error()));
  }
  sources_[index].tools = *std::move(result);
  if (--waiting_ > 0) return;
  offer_all();
  on_ready_({});
}

// Adds tools in the order of the sources, not of their responses, so that the same chat gives the same request.
void Toolbox::offer_all() {
  for (auto& source : sources_) {
    for (auto& tool : source.tools.tools) {
      if (!chat_.mcp_only || tool.executor == "mcp") offer(std::move(tool));
    }
    for (auto& note : source.tools.notes) chat_.notes.push_back(std::move(note));
  }
}

std::string_view Toolbox::keep(std::string text) { return texts_.emplace_back(std::move(text)); }

void Toolbox::offer(OfferedTool tool) {
  if (entries_.contains(tool.name)) {
    chat_.notes.push_back(
        {warning_code::tool_shadowed, "\"" + tool.name + "\" stands for another tool of this chat already"});
    return;
  }
  JsonReader schema(tool.input_schema.data(), tool.input_schema.size(), kMaxSchemaDepth);
  schema.validate();
  if (!schema.ok() || tool.input_schema.empty() || tool.input_schema.front() != '{') {
    chat_.notes.push_back({warning_code::tool_left_out, "the schema of \"" + tool.name + "\" is not usable"});
    return;
  }
  const std::string_view input_schema = keep(std::move(tool.input_schema));
  chat_.tools.push_back({.name = {keep(escaped(tool.name))},
                         .description = {keep(escaped(tool.description))},
                         .input_schema = {input_schema}});
  entries_.emplace(std::move(tool.name), ToolEntry{.executor = tool.executor,
                                                   .approval = tool.approval,
                                                   .timeout_ms = tool.timeout_ms.value_or(chat_.timeouts.tool_ms),
                                                   .runner = std::move(tool.runner),
                                                   .input_schema = input_schema});
}

ToolEntry* Toolbox::find(std::string_view name) {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

void Toolbox::drop_absent(CheckedCall& call, std::size_t& work) {
  ToolEntry* const tool = find(call.call.name);
  if (tool == nullptr || !tool->strict || tool->input_schema.empty()) return;
  if (!JsonSpan{call.input_json}.is_object()) return;
  if (!tool->schema) tool->schema.emplace(tool->input_schema);
  const auto nulls = tool->schema->absent_nulls(call.input_json, work);
  if (!nulls.empty()) call.input_json = without_members(std::move(call.input_json), {nulls.begin(), nulls.end()});
}

std::optional<std::string> Toolbox::first_violation(ToolEntry& tool, std::string_view arguments, std::size_t& work) {
  if (tool.input_schema.empty()) return std::nullopt;
  if (!tool.schema) tool.schema.emplace(tool.input_schema);
  return tool.schema->first_violation(arguments, work);
}

}  // namespace aiw
