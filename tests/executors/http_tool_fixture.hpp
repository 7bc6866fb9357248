// What the tests of HTTP tools share: a declaration run against a network that the test plays.
#pragma once

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "protocol/json_reader.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/fake_http.hpp"
#include "worker/executors/http_tool.hpp"

namespace aiw::test {

using Json = nlohmann::ordered_json;

// The declaration, or the reader's error.
inline std::expected<std::shared_ptr<const HttpTool>, std::string> declare(const Json& http) {
  std::string text = http.dump();
  JsonReader in(text.data(), text.size(), 64);
  auto tool = std::make_shared<HttpTool>(read_http_tool(in));
  if (!in.ok()) return std::unexpected(in.error().message);
  return tool;
}

inline std::expected<std::string, Error> no_secrets(std::string_view, const BaseUrl&) {
  return std::unexpected(Error{.code = "variable_not_allowed", .category = Category::auth, .message = "no"});
}

// One tool and its calls.
class HttpToolFixture {
 public:
  explicit HttpToolFixture(const Json& http, const SecretResolver& secrets = no_secrets) {
    auto tool = declare(http);
    REQUIRE_MESSAGE(tool.has_value(), tool.error());
    auto made = make_http_tool(*tool, http_, clock_, secrets);
    if (made) {
      runner_ = *made;
    } else {
      error_ = made.error();
    }
  }

  // What is asked of the network, or the output if nothing is.
  void call(const Json& arguments) { call_text(arguments.dump()); }
  void call_text(const std::string& arguments) {
    REQUIRE(runner_ != nullptr);
    output_.reset();
    run_ = runner_->run({"call_1", arguments}, [this](std::string output) {
      CHECK_FALSE(output_.has_value());
      output_ = std::move(output);
      run_.reset();  // as its owner may
    });
    CHECK_FALSE(output_.has_value());
    clock_.advance(std::chrono::milliseconds(1));
  }
  void cancel_request() { run_.reset(); }
  void answer(int status, std::string_view body, std::string_view type = "application/json") {
    http_.last().head(status, {{"content-type", std::string(type)}});
    http_.last().body(body);
    http_.last().end();
  }

  [[nodiscard]] const HttpRequest& asked() { return http_.last().request(); }
  [[nodiscard]] std::string url_for(const Json& arguments) {
    const auto before = http_.count();
    call(arguments);
    return http_.count() == before ? "(" + error_text() + ")" : asked().url;
  }
  [[nodiscard]] Json output() const { return output_ ? Json::parse(*output_) : Json(); }
  [[nodiscard]] std::string error_text() const {
    return output().value("type", "") == "error-text" ? output().at("value").get<std::string>() : std::string();
  }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  [[nodiscard]] FakeHttp& http() { return http_; }
  [[nodiscard]] const std::optional<std::string>& raw_output() const { return output_; }

 private:
  FakeClock clock_;
  FakeHttp http_;
  std::shared_ptr<ToolRunner> runner_;
  std::optional<Error> error_;
  std::unique_ptr<ToolRun> run_;
  std::optional<std::string> output_;
};

inline std::string header_of(const HttpRequest& request, std::string_view name) {
  for (const auto& header : request.headers) {
    if (header.name == name) return header.value;
  }
  return "(none)";
}

}  // namespace aiw::test
