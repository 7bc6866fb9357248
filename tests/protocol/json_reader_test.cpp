#include "protocol/json_reader.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

using namespace aiw;

namespace {

// A JsonReader and the text that it reads.
struct Reading {
  explicit Reading(std::string_view json, int max_depth = 128) : text(json), in(text.data(), text.size(), max_depth) {}
  std::string text;
  JsonReader in;
};

std::optional<JsonError> validate(std::string_view json, int max_depth = 128) {
  Reading r(json, max_depth);
  r.in.validate();
  return r.in.ok() ? std::nullopt : std::optional(r.in.error());
}

void check_valid(std::string_view json) {
  CAPTURE(json);
  CHECK_FALSE(validate(json));
}

void check_bad(std::string_view json, std::size_t offset, JsonError::Kind kind = JsonError::Kind::syntax) {
  CAPTURE(json);
  const auto error = validate(json);
  REQUIRE(error);
  CHECK(error->kind == kind);
  CHECK(error->offset == offset);
}

// Reads `json` with `read`, which must fail. Returns the error.
template <typename F>
JsonError failure(std::string_view json, F&& read) {
  CAPTURE(json);
  Reading r(json);
  read(r.in);
  REQUIRE_FALSE(r.in.ok());
  return r.in.error();
}

std::int64_t small_integer(JsonReader& in) { return in.integer(-10, 50); }

}  // namespace

TEST_CASE("validate accepts what RFC 8259 allows") {
  for (const char* json : {"{}", "[]", "null", "true", "false", "\"\"", "0", "-0", " [ ] ", "\t\r\n{ }\n", "[1,2]",
                           "{\"a\":1,\"b\":[{},[]]}", "-1.5e+10", "1E5", "0.0", "1e-400", "[[[[]]]]"}) {
    check_valid(json);
  }
}

TEST_CASE("validate reports the byte offset of a syntax error") {
  check_bad("", 0);
  check_bad("  ", 2);
  check_bad("[1,]", 3);
  check_bad("[,1]", 1);
  check_bad("[1 2]", 3);
  check_bad("[1", 2);
  check_bad("{", 1);
  check_bad("{\"a\"}", 4);
  check_bad("{\"a\":}", 5);
  check_bad("{\"a\":1,}", 7);
  check_bad("{a:1}", 1);
  check_bad("{'a':1}", 1);
  check_bad("{\"a\":1 \"b\":2}", 7);
  check_bad("{} x", 3);
  check_bad("[}", 1);
  check_bad("{]", 1);
  check_bad("tru", 0);
  check_bad("trux", 0);
  check_bad("[nulL]", 1);
  check_bad("nullx", 4);
  check_bad("NaN", 0);
  check_bad("[Infinity]", 1);
  check_bad("\"abc", 0);
  check_bad("\"a\\", 2);
  check_bad("\"a\nb\"", 2);
  check_bad("\"a\tb\"", 2);
  check_bad("\"\\x\"", 1);
  check_bad("\"\\u12\"", 1);
  check_bad("\"\\u12G4\"", 1);
  check_bad("\"\\u-123\"", 1);
  check_bad("\"\\U0041\"", 1);
  check_bad("\xEF\xBB\xBF{}", 0);  // the framer removes a byte order mark; the reader does not accept one
}

TEST_CASE("validate rejects number formats that JSON does not have") {
  for (const char* json : {"-", "+1", "01", "-01", ".5", "1.", "1.e5", "1e", "1e+", "0x10", "1_000", "--1", "1..2"}) {
    CAPTURE(json);
    const auto error = validate(json);
    REQUIRE(error);
    CHECK(error->kind == JsonError::Kind::syntax);
  }
}

TEST_CASE("a number too large for a double is rejected, one that is too small is zero") {
  check_bad("1e999", 0, JsonError::Kind::value);
  check_bad("[-1e400]", 1, JsonError::Kind::value);
  check_bad(std::string(400, '9'), 0, JsonError::Kind::value);
  check_bad("1" + std::string(400, '0') + ".5", 0, JsonError::Kind::value);
  check_valid("1e-999");
  check_valid("0e999");
  check_valid("18446744073709551616");
  check_valid("1.7976931348623157e308");
  check_valid("0." + std::string(1000, '0') + "1");
  CHECK(Reading("-1.5e3").in.number() == -1500.0);
  CHECK(Reading("1e-999").in.number() == 0.0);
}

TEST_CASE("a NUL byte is not white space and does not end the text") {
  using namespace std::string_view_literals;
  check_bad("{}\0"sv, 2);
  check_bad("\0{}"sv, 0);
  check_bad("[1,\0 2]"sv, 3);
  check_bad("\"a\0b\""sv, 2);
  check_bad("\"\\\0\""sv, 1);
}

TEST_CASE("depth is limited, in arrays and objects") {
  check_valid(std::string(128, '[') + std::string(128, ']'));
  check_bad(std::string(129, '[') + std::string(129, ']'), 128, JsonError::Kind::depth);
  CHECK_FALSE(validate("[{\"a\":[1]}]", 3));
  const auto error = validate("[0,{\"a\":[[]]}]", 3);
  REQUIRE(error);
  CHECK(error->kind == JsonError::Kind::depth);
  CHECK(error->pointer == "/1/a/0");
  CHECK(error->message == "nested deeper than 3");
}

TEST_CASE("a key may appear once in an object") {
  check_valid(R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})");
  check_valid(R"({"a":1,"A":2,"a ":3,"":4})");
  const auto pointer = [](std::string_view json) {
    const auto error = validate(json);
    REQUIRE(error);
    CHECK(error->kind == JsonError::Kind::value);
    return error->pointer;
  };
  CHECK(pointer(R"({"a":1,"a":1})") == "/a");
  CHECK(pointer(R"({"":1,"":1})") == "/");
  CHECK(pointer(R"({"a":1,"\u0061":1})") == "/a");
  CHECK(pointer(R"({"\u0061\/":1,"a\u002f":1})") == "/a~1");
  CHECK(pointer(R"({"x":[0,{"y":{"b":1,"c":2,"b":3}}]})") == "/x/1/y/b");
  CHECK(pointer(R"({"é":1,"\u00e9":1})") == "/é");
}

TEST_CASE("a duplicate key is reported as it is, whatever it contains") {
  const auto pointer = [](std::string_view json) {
    const auto error = validate(json);
    REQUIRE(error);
    return error->pointer;
  };
  CHECK(pointer(R"({"\\":1,"\\":2})") == "/\\");
  CHECK(pointer(R"({"\\u":1,"\\u":2})") == "/\\u");
  CHECK(pointer(R"({"\\ud83d":1,"\\ud83d":2})") == "/\\ud83d");
  CHECK(pointer(R"({"a\\n":1,"a\\n":2})") == "/a\\n");
  CHECK(pointer(R"({"~/":1,"~/":2})") == "/~0~1");
}

TEST_CASE("duplicate keys are found among many keys") {
  for (const int count : {2, 11, 12, 13, 14, 1000}) {
    CAPTURE(count);
    std::string members;
    for (int i = 0; i < count; ++i) members += "\"key" + std::to_string(i) + "\":{\"in\":1},";
    check_valid("{" + members + "\"last\":0}");
    const auto error = validate("{" + members + "\"key1\":0}");
    REQUIRE(error);
    CHECK(error->pointer == "/key1");
  }
}

TEST_CASE("a long key is shortened in the pointer of an error") {
  const std::string key(1000, 'k');
  const auto error = validate("{\"" + key + "\":1,\"" + key + "\":2}");
  REQUIRE(error);
  CHECK(error->pointer.size() <= 65);
  const auto deep = validate("{\"" + key + "\":x}");
  REQUIRE(deep);
  CHECK(deep->pointer.size() <= 300);
}

TEST_CASE("a lone surrogate is replaced in place and counted") {
  const auto repair = [](std::string_view json) {
    Reading r(json);
    r.in.validate();
    REQUIRE(r.in.ok());
    return std::pair(r.text, r.in.repaired_surrogates());
  };
  using Repaired = std::pair<std::string, std::size_t>;
  CHECK(repair(R"("\ud800")") == Repaired{R"("\ufffd")", 1});
  CHECK(repair(R"("\uDC00x")") == Repaired{R"("\ufffdx")", 1});
  CHECK(repair(R"("\ud800\n")") == Repaired{R"("\ufffd\n")", 1});
  CHECK(repair(R"("\ud800\u0041")") == Repaired{R"("\ufffd\u0041")", 1});
  CHECK(repair(R"("\ud83d\ud83d\ude00")") == Repaired{R"("\ufffd\ud83d\ude00")", 1});
  CHECK(repair(R"("\ude00\ud83d")") == Repaired{R"("\ufffd\ufffd")", 2});
  CHECK(repair(R"({"\ud800":["\udfff"]})") == Repaired{R"({"\ufffd":["\ufffd"]})", 2});
  CHECK(repair(R"("\ud83d\ude00 \uD83D\uDE00 \\ud800 \ud7ff\ue000")") ==
        Repaired{R"("\ud83d\ude00 \uD83D\uDE00 \\ud800 \ud7ff\ue000")", 0});
}

TEST_CASE("a reader returns views in order and skips null members") {
  Reading r(R"( {"s":"a\n", "none":null, "n":-7, "d":2.5, "t":true, "f":false, "v": {"x":[1, 2]} , "l":["p",null]} )");
  std::vector<std::string> keys;
  std::vector<std::string> items;
  r.in.object([&](std::string_view key) {
    keys.emplace_back(key);
    if (key == "s") CHECK(r.in.string() == "a\n");
    if (key == "n") CHECK(r.in.integer(-10, 10) == -7);
    if (key == "d") CHECK(r.in.number() == 2.5);
    if (key == "t") CHECK(r.in.boolean());
    if (key == "f") CHECK_FALSE(r.in.boolean());
    if (key == "v") CHECK(r.in.value().json == R"({"x":[1, 2]})");
    if (key == "l") r.in.array([&] { items.emplace_back(r.in.value().json); });
  });
  r.in.end();
  CHECK(r.in.ok());
  CHECK(keys == std::vector<std::string>{"s", "n", "d", "t", "f", "v", "l"});
  CHECK(items == std::vector<std::string>{"\"p\"", "null"});
}

TEST_CASE("keys are returned as text, with their escapes decoded") {
  Reading r(R"({"\u0069d":1,"a\"b\\":2,"":3})");
  std::vector<std::string> keys;
  r.in.object([&](std::string_view key) {
    keys.emplace_back(key);
    r.in.skip();
  });
  CHECK(keys == std::vector<std::string>{"id", "a\"b\\", ""});
}

TEST_CASE("an integer must be within its bounds and be written as an integer") {
  CHECK(Reading("50").in.integer(-10, 50) == 50);
  CHECK(Reading("-10").in.integer(-10, 50) == -10);
  CHECK(Reading("-0").in.integer(-10, 50) == 0);
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  CHECK(Reading("-9223372036854775808").in.integer(kMin, kMax) == kMin);
  CHECK(Reading("9223372036854775807").in.integer(kMin, kMax) == kMax);
  for (const char* json : {"51", "-11", "1.0", "1e1", "1.5", "4294967297", "18446744073709551616",
                           "-18446744073709551616", "1e999", "99999999999999999999999999"}) {
    const JsonError error = failure(json, [](JsonReader& in) { small_integer(in); });
    CHECK(error.kind == JsonError::Kind::value);
    CHECK(error.message == "expected an integer from -10 to 50");
  }
  const JsonError error = failure("9223372036854775808", [&](JsonReader& in) { in.integer(kMin, kMax); });
  CHECK(error.kind == JsonError::Kind::value);
}

TEST_CASE("the error for a value of the wrong type names the expected and the found type") {
  const auto message = [](std::string_view json, auto read) { return failure(json, read).message; };
  CHECK(message("1", [](JsonReader& in) { in.string(); }) == "expected a string, found a number");
  CHECK(message("true", [](JsonReader& in) { small_integer(in); }) == "expected a number, found a boolean");
  CHECK(message("\"1\"", [](JsonReader& in) { in.number(); }) == "expected a number, found a string");
  CHECK(message("null", [](JsonReader& in) { in.boolean(); }) == "expected a boolean, found null");
  CHECK(message("[]", [](JsonReader& in) { in.object([](std::string_view) {}); }) ==
        "expected an object, found an array");
  CHECK(message("{}", [](JsonReader& in) { in.array([] {}); }) == "expected an array, found an object");
}

TEST_CASE("the first error is kept and stops the reader") {
  Reading r(R"({"a":[1,"x",3],"b":4})");
  int items = 0;
  int members = 0;
  r.in.object([&](std::string_view) {
    ++members;
    r.in.array([&] {
      ++items;
      r.in.integer(0, 9);
    });
  });
  CHECK(members == 1);
  CHECK(items == 2);
  REQUIRE_FALSE(r.in.ok());
  CHECK(r.in.error().pointer == "/a/1");
  r.in.fail("another");
  CHECK(r.in.error().message == "expected a number, found a string");
  CHECK(r.in.string().empty());
  CHECK(r.in.value().empty());
  CHECK(r.in.integer(3, 9) == 3);
  CHECK_FALSE(r.in.boolean());
  r.in.end();
  CHECK(r.in.error().pointer == "/a/1");
}

TEST_CASE("pointers follow RFC 6901") {
  const auto pointer = [](std::string_view json) {
    return failure(json,
                   [](JsonReader& in) {
                     in.set_pointer_prefix("/p");
                     in.object([&](std::string_view) { in.object([&](std::string_view) { in.integer(0, 1); }); });
                   })
        .pointer;
  };
  CHECK(pointer(R"({"a":{"b":9}})") == "/p/a/b");
  CHECK(pointer(R"({"a/b":{"m~n":9}})") == "/p/a~1b/m~0n");
  CHECK(pointer(R"({"":{"":9}})") == "/p//");
  CHECK(pointer(R"({"\u00e9\"":{"\n":9}})") == "/p/é\"/\n");
  CHECK(pointer(R"({"a":{"x":1,"y":1},"b":{"x":0,"z":null,"y":9}})") == "/p/b/y");
  CHECK(pointer(R"({"a":3})") == "/p/a");
  CHECK(pointer("[]") == "/p");
}

TEST_CASE("fail reports the current value, or the container after the end of a container") {
  const JsonError error = failure(R"([{"a":[1,2]}])", [](JsonReader& in) {
    in.array([&] {
      in.object([&](std::string_view) { in.skip(); });
      in.fail("no good");
    });
  });
  CHECK(error.pointer == "/0");
  CHECK(error.message == "no good");
  CHECK(error.kind == JsonError::Kind::value);
}

TEST_CASE("of two adopted errors the first is kept") {
  Reading r("[]");
  r.in.adopt({.message = "one", .pointer = "/1"});
  r.in.adopt({.message = "two", .pointer = "/2"});
  CHECK(r.in.error().message == "one");
}

TEST_CASE("text after the value is an error only if the caller ends the text") {
  Reading r("[1] 2");
  CHECK(r.in.value().json == "[1]");
  CHECK(r.in.ok());
  r.in.end();
  CHECK_FALSE(r.in.ok());
}
