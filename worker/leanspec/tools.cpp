#include "worker/leanspec/tools.hpp"

#include <map>
#include <utility>

#include "protocol/codes.hpp"
#include "protocol/json_reader.hpp"
#include "protocol/json_writer.hpp"
#include "worker/base/ordered_json.hpp"
#include "worker/base/url.hpp"
#include "worker/executors/http_tool.hpp"
#include "worker/executors/late_output.hpp"
#include "worker/executors/tool_arguments.hpp"
#include "worker/executors/tool_output.hpp"
#include "worker/leanspec/spec_edit_tool.hpp"
#include "worker/leanspec/tools_json.hpp"

namespace aiw {
namespace {

using Json = OrderedJson;

constexpr std::int64_t kMaxAnswerBytes = std::int64_t{16} << 20;
constexpr std::string_view kProject = "projectId";

// Entry of tools.json.
struct LeanSpecTool {
  std::string name, description, input_schema;
  HttpTool http;  // url is appended to the project's URL; unused if `edit` is set
  SpecEdit edit;
  [[nodiscard]] bool writes() const { return edit || http.method == "PATCH"; }
};

HttpTool read_declaration(const Json& declaration) {
  std::string text = declaration.dump();
  JsonReader in(text.data(), text.size(), 32);
  HttpTool tool = read_http_tool(in);
  tool.error_prefix = "LeanSpec API error";
  tool.response_form = ResponseForm::json;
  tool.max_bytes = kMaxAnswerBytes;
  return tool;
}

LeanSpecTool read_tool(Json entry) {
  LeanSpecTool tool{entry.at("name"), entry.at("description"), {}, {}, {}};
  entry["inputSchema"]["properties"][std::string(kProject)] = {
      {"type", "string"}, {"description", "The project's id; by default the one of this conversation."}};
  tool.input_schema = entry.at("inputSchema").dump();
  if (entry.contains("http")) tool.http = read_declaration(entry.at("http"));
  if (entry.contains("edit")) tool.edit = find_spec_edit(entry.at("edit").get<std::string>());
  return tool;
}

const std::vector<LeanSpecTool>& leanspec_tools() {
  static const std::vector<LeanSpecTool> tools = [] {
    std::vector<LeanSpecTool> read;
    for (const auto& entry : Json::parse(leanspec_tools_json())) read.push_back(read_tool(entry));
    return read;
  }();
  return tools;
}

HttpTool at_project(HttpTool tool, std::string_view base_url) {
  using Kind = TextTemplate::Kind;
  const TextTemplate::Piece project[] = {{Kind::literal, std::string(base_url) + "/api/projects/"},
                                         {Kind::argument, std::string(kProject)}};
  tool.url.pieces.insert(tool.url.pieces.begin(), std::begin(project), std::end(project));
  return tool;
}

// Adds the chat's project to the arguments of a call that does not name a project.
class ProjectTool : public ToolRunner {
 public:
  ProjectTool(std::shared_ptr<ToolRunner> inner, std::string project, Clock& clock)
      : inner_(std::move(inner)), project_(std::move(project)), clock_(clock) {}

  std::unique_ptr<ToolRun> run(const ToolInvocation& call, ToolOutputHandler on_output) override {
    const ToolArguments arguments(call.arguments);
    if (!arguments.text(kProject).value_or("").empty()) return inner_->run(call, std::move(on_output));
    if (project_.empty()) {
      return answer_soon(clock_, error_output("projectId is required for LeanSpec operations"), std::move(on_output));
    }
    std::string with_project = "{\"projectId\":";
    append_json_string(with_project, project_);
    const std::string others = arguments.without({std::string(kProject)});
    if (others.size() > 2) with_project += ',';
    with_project += others.substr(1);
    return inner_->run({call.tool_call_id, with_project}, std::move(on_output));
  }

 private:
  const std::shared_ptr<ToolRunner> inner_;
  const std::string project_;
  Clock& clock_;
};

class Ready : public ToolSource::Opening {
 public:
  Ready(Clock& clock, OfferedTools tools, std::function<void(ToolSource::Result)> on_ready)
      : tools_(std::move(tools)), on_ready_(std::move(on_ready)) {
    timer_ = clock.call_at(clock.now(), [this] { tell(); });
  }

 private:
  void tell() {
    const auto timer = std::move(timer_);
    const auto on_ready = std::move(on_ready_);
    on_ready(std::move(tools_));
  }

  OfferedTools tools_;
  std::function<void(ToolSource::Result)> on_ready_;
  std::unique_ptr<Timer> timer_;
};

std::expected<std::string, Error> no_secrets(std::string_view, const BaseUrl&) { return {}; }

// Returns the runners of all tools by name.
std::expected<std::map<std::string_view, std::shared_ptr<ToolRunner>>, Error> make_runners(std::string_view base_url,
                                                                                           HttpClient& http,
                                                                                           Clock& clock) {
  std::map<std::string_view, std::shared_ptr<ToolRunner>> runners;
  for (const auto& tool : leanspec_tools()) {
    if (tool.edit) continue;
    auto made =
        make_http_tool(std::make_shared<const HttpTool>(at_project(tool.http, base_url)), http, clock, no_secrets);
    if (!made) return std::unexpected(std::move(made).error());
    runners[tool.name] = *std::move(made);
  }
  for (const auto& tool : leanspec_tools()) {
    if (tool.edit) runners[tool.name] = make_spec_edit_tool(tool.edit, {runners["read_spec"], runners["update_spec"]});
  }
  return runners;
}

}  // namespace

std::unique_ptr<ToolSource::Opening> LeanSpecTools::open(const ChatRequest& chat,
                                                         std::function<void(Result)> on_ready) {
  if (chat.base_url.empty() || chat.mcp_only) return nullptr;
  std::string_view base_url = chat.base_url;
  while (base_url.ends_with('/')) base_url.remove_suffix(1);
  OfferedTools offered;
  const auto runners = make_runners(base_url, http_, clock_);
  if (!runners) {
    offered.notes.push_back(
        {warning_code::leanspec_unavailable, "LeanSpec's tools are left out: " + runners.error().message});
    return std::make_unique<Ready>(clock_, std::move(offered), std::move(on_ready));
  }
  for (const auto& tool : leanspec_tools()) {
    OfferedTool offer{
        .name = tool.name, .description = tool.description, .input_schema = tool.input_schema, .executor = "builtin"};
    auto runner = runners->at(tool.name);
    if (tool.writes()) runner = make_turn_taking_tool(std::move(runner), std::string(base_url), turns_);
    offer.runner = std::make_shared<ProjectTool>(std::move(runner), chat.project_id, clock_);
    offered.tools.push_back(std::move(offer));
  }
  return std::make_unique<Ready>(clock_, std::move(offered), std::move(on_ready));
}

}  // namespace aiw
