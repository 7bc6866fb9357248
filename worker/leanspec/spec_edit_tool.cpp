#include "worker/leanspec/spec_edit_tool.hpp"

#include <utility>

#include "protocol/json_writer.hpp"
#include "worker/executors/tool_output.hpp"

namespace aiw {
namespace {

// Server response if the expected hash does not match the current text. tools.cpp defines the prefix.
constexpr std::string_view kConflict = "LeanSpec API error (409)";
// Limit on attempts, because another client may write continuously.
constexpr int kMaxAttempts = 3;

class SpecEditRun : public ToolRun {
 public:
  SpecEditRun(SpecEdit edit, SpecText text, const ToolInvocation& call, ToolOutputHandler on_output)
      : edit_(std::move(edit)),
        text_(std::move(text)),
        call_id_(call.tool_call_id),
        arguments_(call.arguments),
        on_output_(std::move(on_output)) {
    read(call.arguments);
  }

 private:
  void read(std::string_view arguments) {
    ++attempts_;
    current_ = text_.read->run({call_id_, arguments}, [this](std::string output) { was_read(std::move(output)); });
  }

  void was_read(std::string output) {
    if (find_json(output, "/type")->json != "\"json\"") return end(std::move(output));
    const auto content = find_json(output, "/value/content");
    if (!content || !content->is_string()) return end(error_output("the server's answer has no content"));
    auto edited = edit_(content->as_string().text(), arguments_);
    if (!edited) return end(error_output(edited.error()));
    write(*edited, find_json(output, "/value/contentHash"));
  }

  // Sends the hash that the model expects, if any, because it refers to the text before the edit. Otherwise sends the
  // hash of the text that was read, to detect a concurrent write.
  void write(const std::string& content, std::optional<JsonSpan> read_hash) {
    const auto expected = arguments_.find("expectedContentHash");
    std::string arguments = arguments_.without({"content", "expectedContentHash"});
    arguments.pop_back();
    if (arguments.size() > 1) arguments += ',';
    arguments += "\"content\":";
    append_json_string(arguments, content);
    if (expected || read_hash) {
      arguments += ",\"expectedContentHash\":" + std::string(expected ? expected->json : read_hash->json);
    }
    arguments += '}';
    current_ = text_.write->run({call_id_, arguments}, [this](std::string output) { was_written(std::move(output)); });
  }

  // On a conflict, reads the new text and repeats the edit. Does not retry if the model named an expected hash.
  void was_written(std::string output) {
    const auto value = find_json(output, "/value");
    const bool conflict = value && value->is_string() && value->as_string().text().starts_with(kConflict);
    if (!conflict || attempts_ == kMaxAttempts || arguments_.find("expectedContentHash")) return end(std::move(output));
    const auto current = std::move(current_);
    read(arguments_.without({}));
  }

  // The handler may destroy this object.
  void end(std::string output) {
    const auto current = std::move(current_);
    const auto on_output = std::move(on_output_);
    on_output(std::move(output));
  }

  const SpecEdit edit_;
  const SpecText text_;
  const std::string call_id_;
  const ToolArguments arguments_;
  ToolOutputHandler on_output_;
  int attempts_ = 0;
  std::unique_ptr<ToolRun> current_;
};

class SpecEditRunner : public ToolRunner {
 public:
  SpecEditRunner(SpecEdit edit, SpecText text) : edit_(std::move(edit)), text_(std::move(text)) {}
  std::unique_ptr<ToolRun> run(const ToolInvocation& call, ToolOutputHandler on_output) override {
    return std::make_unique<SpecEditRun>(edit_, text_, call, std::move(on_output));
  }

 private:
  const SpecEdit edit_;
  const SpecText text_;
};

std::string argument(const ToolArguments& arguments, std::string_view name) {
  return arguments.text(name).value_or(std::string());
}

}  // namespace

SpecEdit find_spec_edit(std::string_view name) {
  if (name == "link") return [](auto text, auto& args) { return add_dependency(text, argument(args, "dependsOn")); };
  if (name == "unlink") {
    return [](auto text, auto& args) { return remove_dependency(text, argument(args, "dependsOn")); };
  }
  if (name == "checklist") {
    return [](auto text, auto& args) {
      const auto checked = args.find("checked");
      return check_item(text, argument(args, "itemText"), checked && checked->json == "true");
    };
  }
  if (name != "section") return nullptr;
  return [](auto text, auto& args) {
    const bool append = argument(args, "mode") == "append";
    const auto edit = append ? append_to_section : replace_section;
    return edit(text, argument(args, "section"), argument(args, "content"));
  };
}

std::shared_ptr<ToolRunner> make_spec_edit_tool(SpecEdit edit, SpecText text) {
  return std::make_shared<SpecEditRunner>(std::move(edit), std::move(text));
}

}  // namespace aiw
