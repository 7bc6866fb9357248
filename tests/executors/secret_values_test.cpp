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
  const SecretValues secrets = values({"0073ecret-value"});
  const std::string text = R"({"type":"text","value":"\\u0073ecret-value and \u0073ecret-value"})";
  const std::string out = secrets.remove_from_output(text);
  const auto json = nlohmann::json::parse(out, nullptr, false);
  REQUIRE(json.is_object());
  CHECK(json["value"] == "\\u[redacted] and [redacted]");
}

TEST_CASE("fault 94: of a text that is cut no piece of a value is left at its end") {
  const SecretValues secrets = values({"secret-value", "schlüssel-1"});
  const auto beginning = [&](std::string_view text, std::size_t at_most) {
    return secrets.remove_from_beginning(text, at_most);
  };
  CHECK(beginning("a secret-value b", 100) == "a [redacted] b");
  CHECK(beginning("a secret-v", 10) == "a secret-v");
  for (std::size_t at = 6; at <= 14; ++at) CHECK(beginning("a secret-value b", at) == "a [redacted]");
  CHECK(beginning("a secret-value b", 5) == "a sec");
  CHECK(beginning("a schlüssel-1 b", 8) == "a [redacted]");                // within its ü
  CHECK(beginning(R"("a secret\u002dvalue")", 12) == R"("a [redacted])");  // within its escape
  CHECK(beginning(R"("a secret\u002dvalue")", 17) == R"("a [redacted])");
  const SecretValues symbol = values({"secret-\U0001F511"});
  CHECK(symbol.remove_from_beginning(R"("a secret-\ud83d\udd11")", 20) == R"("a [redacted])");
  CHECK(beginning("secret-valuesecret-valuesecret-value", 30) == "[redacted][redacted][redacted]");
  CHECK(values({}).remove_from_beginning("abcdef", 3) == "abc");
}

TEST_CASE("fault 94: an output's type stays, and a JSON value that is none any more becomes text") {
  const SecretValues secrets = values({"123456789", "error-text"});
  const auto without = [&](std::string text) { return nlohmann::json::parse(secrets.remove_from_output(text)); };
  CHECK(without(R"({"type":"json","value":{"k":"123456789"}})") ==
        nlohmann::json({{"type", "json"}, {"value", {{"k", "[redacted]"}}}}));
  CHECK(without(R"({"type":"json","value":{"k":123456789}})") ==
        nlohmann::json({{"type", "text"}, {"value", R"({"k":[redacted]})"}}));
  CHECK(without(R"({"type":"error-json","value":[1234567890]})") ==
        nlohmann::json({{"type", "error-text"}, {"value", "[[redacted]0]"}}));
  CHECK(without(R"({"type":"error-text","value":"an error-text"})") ==
        nlohmann::json({{"type", "error-text"}, {"value", "an [redacted]"}}));
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
