#include "worker/executors/secret_values.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

using aiw::SecretValues;

namespace {

SecretValues values(std::initializer_list<std::string_view> list) {
  SecretValues out;
  for (const auto value : list) out.add(value);
  return out;
}

}  // namespace

TEST_CASE("fault 94: a tool's secrets are taken out, plain, by their last word and escaped as JSON may") {
  const SecretValues secrets = values({"Bearer to/ken\n1", "short", "second-secret"});
  CHECK(secrets.remove_from("a Bearer to/ken\n1 b") == "a [redacted] b");
  CHECK(secrets.remove_from("to/ken\n1 and second-secret") == "[redacted] and [redacted]");
  CHECK(secrets.remove_from(R"("to\/ken\n1 \u0073econd-secre\u0074\\")") == R"("[redacted] [redacted]\\")");
  CHECK(secrets.remove_from("short stays, and second-secre") == "short stays, and second-secre");
  CHECK(secrets.remove_from("") == "");
}

TEST_CASE("fault 94: a value that is part of its own replacement ends") {
  const SecretValues secrets = values({"redacted", "[redacted]", "dacted"});
  const std::string out = secrets.remove_from(R"(C:\tmp is redacted and "\u0072edacted")");
  CHECK(out.size() < 200);
  CHECK(out.starts_with(R"(C:\tmp is [)"));
}

TEST_CASE("fault 94: an escaped backslash before what looks like an escape stays JSON") {
  const SecretValues secrets = values({"secret-value"});
  const std::string text = R"({"type":"text","value":"\\u0073ecret-value and \u0073ecret-value"})";
  const std::string out = secrets.remove_from_output(text);
  const auto json = nlohmann::json::parse(out, nullptr, false);
  REQUIRE(json.is_object());
  CHECK(json["value"] == "\\u0073ecret-value and [redacted]");
}

// In place each would move the rest: minutes.
TEST_CASE("fault 94: an answer that is nothing but its key takes no longer than another") {
  const SecretValues secrets = values({"secret!"});
  std::string text, expected;
  for (int i = 0; i < 1'000'000; ++i) {
    text += i % 2 == 0 ? "secret!" : R"(\u0073ecret!)";
    expected += "[redacted]";
  }
  CHECK((secrets.remove_from(text) == expected));
}
