// Runs a tool that reads a spec, changes its text and writes it back.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "worker/executors/leanspec/markdown_edit.hpp"
#include "worker/executors/tool_arguments.hpp"
#include "worker/executors/tool_runner.hpp"

namespace aiw {

using SpecEdit = std::function<Edited(std::string_view text, const ToolArguments& arguments)>;

// link, unlink, section or checklist; nullptr for another name.
SpecEdit find_spec_edit(std::string_view name);

// The tools that read and write a spec's text: {specId} gives {content, contentHash}, and {specId, content,
// expectedContentHash} is refused if the text is another one by then.
struct SpecText {
  std::shared_ptr<ToolRunner> read;
  std::shared_ptr<ToolRunner> write;
};

std::shared_ptr<ToolRunner> make_spec_edit_tool(SpecEdit edit, SpecText text);

}  // namespace aiw
