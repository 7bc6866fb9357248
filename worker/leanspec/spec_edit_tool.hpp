// Tool that reads a spec, edits its text and writes it back.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "worker/executors/tool_arguments.hpp"
#include "worker/executors/tool_runner.hpp"
#include "worker/leanspec/markdown_edit.hpp"

namespace aiw {

using SpecEdit = std::function<Edited(std::string_view text, const ToolArguments& arguments)>;

// Returns the edit for link, unlink, section or checklist; nullptr for any other name.
SpecEdit find_spec_edit(std::string_view name);

// Tools that read and write the text of a spec. `read` maps {specId} to {content, contentHash}. `write` takes {specId,
// content, expectedContentHash} and fails if the text has changed since.
struct SpecText {
  std::shared_ptr<ToolRunner> read;
  std::shared_ptr<ToolRunner> write;
};

std::shared_ptr<ToolRunner> make_spec_edit_tool(SpecEdit edit, SpecText text);

}  // namespace aiw
