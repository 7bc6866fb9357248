#include "worker/leanspec/tools.hpp"

#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "tests/support/fake_clock.hpp"
#include "tests/support/fake_http.hpp"
#include "worker/executors/argument_schema.hpp"

namespace aiw {
namespace {

using Json = nlohmann::ordered_json;

class Fixture {
 public:
  explicit Fixture(const std::string& base_url = "http://127.0.0.1:3000/", const std::string& project = "my proj") {
    chat_.base_url = base_url;
    chat_.project_id = project;
    opening_ = source_.open(chat_, [this](ToolSource::Result result) {
      REQUIRE(result);
      for (auto& tool : result->tools) tools_[tool.name] = std::move(tool);
      notes_ = result->notes;
      opening_.reset();
    });
    asked_ = opening_ != nullptr;
    CHECK(tools_.empty());
    clock_.advance(std::chrono::milliseconds(1));
  }

  void call(const std::string& name, const Json& arguments) {
    output_.clear();
    ArgumentSchema schema(tools_.at(name).input_schema);
    CHECK_FALSE(schema.first_violation(arguments.dump()).has_value());
    run_ = tools_.at(name).runner->run({"c", arguments.dump()}, [this](std::string output) {
      output_ = std::move(output);
      run_.reset();
    });
    clock_.advance(std::chrono::milliseconds(1));
  }
  // The request as "METHOD url body".
  std::string request(const std::string& name, const Json& arguments) {
    call(name, arguments);
    return last();
  }
  std::string last() {
    const HttpRequest& request = http_.last().request();
    for (const auto& header : request.headers) CHECK(header.name == "content-type");
    return request.method + ' ' + request.url + (request.body.size() > 0 ? ' ' + request.body.str() : "");
  }
  void answer(int status, const Json& body) {
    http_.last().head(status, {{"content-type", "application/json"}});
    http_.last().body(body.is_string() ? body.get<std::string>() : body.dump());
    http_.last().end();
    turn();
  }
  [[nodiscard]] Json output() const { return Json::parse(output_, nullptr, false); }
  [[nodiscard]] std::map<std::string, OfferedTool>& tools() { return tools_; }
  [[nodiscard]] FakeHttp& http() { return http_; }
  [[nodiscard]] bool asked() const { return asked_; }
  [[nodiscard]] const std::vector<ChatRequest::Note>& notes() const { return notes_; }
  void abandon() { run_.reset(); }

  // Calls side by side, whose outputs are not looked at.
  std::unique_ptr<ToolRun> begin(const std::string& name, const Json& arguments) {
    auto run = tools_.at(name).runner->run({"c", arguments.dump()}, [](const std::string&) {});
    turn();
    return run;
  }
  void turn() { clock_.advance(std::chrono::milliseconds(1)); }
  void answer_at(std::size_t index, int status, const Json& body) {
    http_.at(index).head(status, {{"content-type", "application/json"}});
    http_.at(index).body(body.dump());
    http_.at(index).end();
    turn();
  }
  // Of all requests, behind the project.
  [[nodiscard]] std::vector<std::string> urls() {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < http_.count(); ++i) {
      const HttpRequest& request = http_.at(i).request();
      out.push_back(request.method + ' ' + request.url.substr(request.url.find("/specs")));
    }
    return out;
  }

 private:
  FakeClock clock_;
  FakeHttp http_;
  LeanSpecTools source_{http_, clock_};
  ChatRequest chat_;
  std::unique_ptr<ToolSource::Opening> opening_;
  bool asked_ = false;
  std::map<std::string, OfferedTool> tools_;
  std::vector<ChatRequest::Note> notes_;
  std::unique_ptr<ToolRun> run_;
  std::string output_;
};

Json error_text(const std::string& text) { return {{"type", "error-text"}, {"value", text}}; }

const std::string kProject = "http://127.0.0.1:3000/api/projects/my%20proj";

TEST_CASE("LeanSpec's tools: thirteen are offered to a chat with a baseUrl, each taking a projectId") {
  Fixture leanspec;
  CHECK(leanspec.tools().size() == 13);
  for (const auto& [name, tool] : leanspec.tools()) {
    CAPTURE(name);
    CHECK(tool.executor == "builtin");
    CHECK_FALSE(tool.description.empty());
    const Json schema = Json::parse(tool.input_schema);
    CHECK(schema.at("type") == "object");
    CHECK(schema.at("properties").at("projectId").at("type") == "string");
    for (const Json& required : schema.value("required", Json::array())) {
      CHECK(schema.at("properties").contains(required.get<std::string>()));
    }
  }
  CHECK_FALSE(Fixture("").asked());
  Fixture broken("not a url");
  CHECK(broken.tools().empty());
  REQUIRE(broken.notes().size() == 1);
  CHECK(broken.notes()[0].code == "leanspec_unavailable");
}

TEST_CASE("LeanSpec's tools: each calls its route") {
  Fixture leanspec;
  CHECK(leanspec.request("list_specs", Json::object()) == "GET " + kProject + "/specs");
  CHECK(leanspec.request("list_specs", {{"status", "in-progress"}, {"tags", {"a", "b c"}}, {"priority", "high"}}) ==
        "GET " + kProject + "/specs?status=in-progress&priority=high&tags=a%2Cb%20c");
  CHECK(leanspec.request("search_specs", {{"query", "q"}, {"tags", {"a"}}}) ==
        "POST " + kProject + R"(/search {"query":"q","filters":{"tags":["a"]}})");
  CHECK(leanspec.request("get_spec", {{"specId", "1/../2"}}) == "GET " + kProject + "/specs/1%2F..%2F2");
  CHECK(leanspec.request("update_spec_status", {{"specId", "1"}, {"status", "complete"}}) ==
        "PATCH " + kProject + R"(/specs/1/metadata {"status":"complete"})");
  CHECK(
      leanspec.request("update_spec_status", {{"specId", "1"}, {"status", "complete"}, {"expectedContentHash", "h"}}) ==
      "PATCH " + kProject + R"(/specs/1/metadata {"status":"complete","expectedContentHash":"h"})");
  CHECK(leanspec.request("validate_specs", Json::object()) == "POST " + kProject + "/validate {}");
  CHECK(leanspec.request("validate_specs", {{"specId", "1"}}) == "POST " + kProject + R"(/validate {"specId":"1"})");
  CHECK(leanspec.request("read_spec", {{"specId", "1"}}) == "GET " + kProject + "/specs/1/raw");
  CHECK(leanspec.request("update_spec", {{"specId", "1"}, {"content", "é"}, {"expectedContentHash", "h"}}) ==
        "PATCH " + kProject + R"(/specs/1/raw {"content":"é","expectedContentHash":"h"})");
  CHECK(leanspec.request("read_subspec", {{"specId", "1"}, {"file", "DESIGN.md"}}) ==
        "GET " + kProject + "/specs/1/subspecs/DESIGN.md/raw");
  CHECK(leanspec.request("update_subspec", {{"specId", "1"}, {"file", "a b"}, {"content", "c"}}) ==
        "PATCH " + kProject + R"(/specs/1/subspecs/a%20b/raw {"content":"c"})");
}

TEST_CASE("LeanSpec's tools: the project is the argument's, else the chat's, else an error") {
  Fixture leanspec;
  CHECK(leanspec.request("list_specs", {{"projectId", "other"}}) ==
        "GET http://127.0.0.1:3000/api/projects/other/specs");
  CHECK(leanspec.request("list_specs", {{"projectId", ""}}) == "GET " + kProject + "/specs");
  Fixture without("http://127.0.0.1:3000", "");
  without.call("read_spec", {{"specId", "1"}});
  CHECK(without.output() == error_text("projectId is required for LeanSpec operations"));
  without.call("link_specs", {{"specId", "1"}, {"dependsOn", "2"}});
  CHECK(without.output() == error_text("projectId is required for LeanSpec operations"));
  CHECK(without.http().count() == 0);
  CHECK(without.request("read_spec", {{"specId", "1"}, {"projectId", "p"}}) ==
        "GET http://127.0.0.1:3000/api/projects/p/specs/1/raw");
}

TEST_CASE("LeanSpec's tools: answers are JSON, refusals are errors with the status") {
  Fixture leanspec;
  leanspec.call("get_spec", {{"specId", "1"}});
  leanspec.answer(200, {{"id", "1"}});
  CHECK(leanspec.output() == Json{{"type", "json"}, {"value", {{"id", "1"}}}});
  leanspec.call("update_spec", {{"specId", "1"}, {"content", "c"}});
  leanspec.answer(403, "Server is read-only");
  CHECK(leanspec.output() == error_text("LeanSpec API error (403): Server is read-only"));
}

TEST_CASE("LeanSpec's tools: an edit reads the text, changes it and writes it with the hash that was read") {
  Fixture leanspec;
  CHECK(leanspec.request("toggle_checklist_item", {{"specId", "1"}, {"itemText", "b"}, {"checked", true}}) ==
        "GET " + kProject + "/specs/1/raw");
  leanspec.answer(200, {{"content", "- [ ] a\n- [ ] b \"é\"\n"}, {"contentHash", "h1"}, {"filePath", "/x"}});
  CHECK(leanspec.last().starts_with("PATCH " + kProject + "/specs/1/raw {"));
  const Json written = Json::parse(leanspec.http().last().request().body.str());
  CHECK(written.at("content") == "- [ ] a\n- [x] b \"é\"\n");
  CHECK(written.at("expectedContentHash") == "h1");
  leanspec.answer(200, {{"contentHash", "h2"}});
  CHECK(leanspec.output() == Json{{"type", "json"}, {"value", {{"contentHash", "h2"}}}});

  leanspec.call(
      "update_spec_section",
      {{"specId", "1"}, {"section", "A"}, {"content", "x"}, {"mode", "append"}, {"expectedContentHash", "h0"}});
  leanspec.answer(200, {{"content", "## A\ny\n"}, {"contentHash", "h1"}});
  const Json section = Json::parse(leanspec.http().last().request().body.str());
  CHECK(section.at("content") == "## A\ny\n\nx\n");
  CHECK(section.at("expectedContentHash") == "h0");
  leanspec.answer(409, "changed");
  CHECK(leanspec.output() == error_text("LeanSpec API error (409): changed"));

  leanspec.call("link_specs", {{"specId", "1"}, {"dependsOn", "002-b"}, {"projectId", "p"}});
  leanspec.answer(200, {{"content", "---\n---\n"}, {"contentHash", "h1"}});
  CHECK(leanspec.last().starts_with("PATCH http://127.0.0.1:3000/api/projects/p/specs/1/raw "));
  CHECK(Json::parse(leanspec.http().last().request().body.str()).at("content") == "---\ndepends_on:\n  - 002-b\n---\n");
}

TEST_CASE(
    "LeanSpec's tools: what somebody else wrote meanwhile is read, and the edit made in it, three times at most") {
  Fixture leanspec;
  const Json toggle = {{"specId", "1"}, {"itemText", "b"}, {"checked", true}};
  leanspec.call("toggle_checklist_item", toggle);
  leanspec.answer(200, {{"content", "- [ ] b\n"}, {"contentHash", "h1"}});
  leanspec.answer(409, "changed");
  CHECK(leanspec.last() == "GET " + kProject + "/specs/1/raw");
  leanspec.answer(200, {{"content", "new\n- [ ] b\n"}, {"contentHash", "h2"}});
  const Json written = Json::parse(leanspec.http().last().request().body.str());
  CHECK(written.at("content") == "new\n- [x] b\n");
  CHECK(written.at("expectedContentHash") == "h2");
  leanspec.answer(200, {{"contentHash", "h3"}});
  CHECK(leanspec.output() == Json{{"type", "json"}, {"value", {{"contentHash", "h3"}}}});

  leanspec.call("toggle_checklist_item", toggle);
  const auto before = leanspec.http().count();
  for (int i = 0; i < 3; ++i) {
    leanspec.answer(200, {{"content", "- [ ] b\n"}, {"contentHash", "h"}});
    leanspec.answer(409, "changed");
  }
  CHECK(leanspec.output() == error_text("LeanSpec API error (409): changed"));
  CHECK(leanspec.http().count() == before + 5);

  // The item is gone, or the API refuses for another reason.
  leanspec.call("toggle_checklist_item", toggle);
  leanspec.answer(200, {{"content", "- [ ] b\n"}, {"contentHash", "h"}});
  leanspec.answer(409, "changed");
  leanspec.answer(200, {{"content", "none"}, {"contentHash", "h"}});
  CHECK(leanspec.output() == error_text("Checklist item not found: b"));
  leanspec.call("toggle_checklist_item", toggle);
  leanspec.answer(200, {{"content", "- [ ] b\n"}, {"contentHash", "h"}});
  leanspec.answer(500, "LeanSpec API error (409)");
  CHECK(leanspec.output() == error_text("LeanSpec API error (500): LeanSpec API error (409)"));
}

TEST_CASE("LeanSpec's tools: calls that write to one project take turns, across chats; others do not wait") {
  Fixture leanspec;
  using Calls = std::vector<std::string>;
  const auto begin = [&](const std::string& name, Json arguments) {
    arguments["specId"] = arguments.value("specId", "1");
    arguments["projectId"] = arguments.value("projectId", "p");
    return leanspec.begin(name, arguments);
  };
  auto first = begin("toggle_checklist_item", {{"itemText", "b"}, {"checked", true}});
  auto second = begin("update_spec_section", {{"specId", "001-first"}, {"section", "A"}, {"content", "x"}});
  auto third = begin("update_spec", {{"content", "y"}});
  auto fourth = begin("update_spec_status", {{"specId", "2"}, {"status", "complete"}});
  auto fifth = begin("link_specs", {{"dependsOn", "2"}});
  CHECK(leanspec.urls() == Calls{"GET /specs/1/raw"});
  // What writes elsewhere, and what only reads.
  const auto other = begin("update_subspec", {{"projectId", "q"}, {"file", "a.md"}, {"content", "y"}});
  const auto reads = begin("read_spec", Json::object());
  CHECK(leanspec.urls() == Calls{"GET /specs/1/raw", "PATCH /specs/1/subspecs/a.md/raw", "GET /specs/1/raw"});
  leanspec.answer_at(0, 200, {{"content", "- [ ] b\n## A\n"}, {"contentHash", "h1"}});
  CHECK(leanspec.urls().back() == "PATCH /specs/1/raw");
  CHECK(leanspec.urls().size() == 4);
  leanspec.answer_at(3, 200, {{"contentHash", "h2"}});
  CHECK(leanspec.urls().size() == 5);
  CHECK(leanspec.urls().back() == "GET /specs/001-first/raw");
  // One that is given up in its turn or before it makes room.
  third.reset();
  second.reset();
  leanspec.turn();
  CHECK(leanspec.urls().back() == "PATCH /specs/2/metadata");
  fourth.reset();
  fifth.reset();
  leanspec.turn();
  CHECK(leanspec.urls().size() == 6);
  const auto later = begin("update_spec", {{"content", "y"}});
  CHECK(leanspec.urls().back() == "PATCH /specs/1/raw");
}

TEST_CASE("LeanSpec's tools: an edit that cannot be made writes nothing") {
  Fixture leanspec;
  leanspec.call("unlink_specs", {{"specId", "1"}, {"dependsOn", "002-b"}});
  leanspec.answer(200, {{"content", "---\n---\n"}, {"contentHash", "h1"}});
  CHECK(leanspec.output() == error_text("the spec does not depend on 002-b"));
  leanspec.call("unlink_specs", {{"specId", "1"}, {"dependsOn", "002-b"}});
  leanspec.answer(404, "no such spec");
  CHECK(leanspec.output() == error_text("LeanSpec API error (404): no such spec"));
  for (const char* odd : {"{}", "[]", "{\"content\":1}", "null"}) {
    leanspec.call("unlink_specs", {{"specId", "1"}, {"dependsOn", "002-b"}});
    leanspec.answer(200, odd);
    CHECK(leanspec.output() == error_text("the server's answer has no content"));
  }
  leanspec.call("unlink_specs", {{"specId", "1"}, {"dependsOn", "002-b"}});
  leanspec.answer(200, "<html>");
  CHECK(leanspec.output() == error_text("the answer is not JSON"));
  CHECK(leanspec.http().count() == 7);
  leanspec.call("unlink_specs", {{"specId", "1"}, {"dependsOn", "002-b"}});
  leanspec.abandon();
  CHECK_FALSE(leanspec.http().last().open());
}

}  // namespace
}  // namespace aiw
