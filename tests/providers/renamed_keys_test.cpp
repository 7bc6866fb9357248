#include "worker/providers/codec/renamed_keys.hpp"

#include <doctest/doctest.h>

using namespace aiw;

TEST_CASE("members are renamed at any depth, and nothing else of the text changes") {
  const std::map<std::string, std::string, std::less<>> names = {{"a b", "a_b"}, {"c\"d", "x"}, {"e", "e\n"}};
  CHECK(with_renamed_keys(R"({"a b": {"q":"a b","e" : 1}, "c\"d":["a b"]})", names) ==
        R"({"a_b": {"q":"a b","e\n" : 1}, "x":["a b"]})");
  CHECK(with_renamed_keys(R"({"\u0065":1})", names) == R"({"e\n":1})");
  CHECK_FALSE(with_renamed_keys(R"({"q":"{\"a b\":1}"})", names));
  CHECK_FALSE(with_renamed_keys("", names));
  CHECK(with_renamed_keys(R"({"e":"cut)", names) == R"({"e\n":"cut)");
  CHECK_FALSE(with_renamed_keys(R"({"e)", names));
}

TEST_CASE("a text that long names would make much longer keeps the short ones") {
  const std::map<std::string, std::string, std::less<>> names = {{"a", std::string(100'000, 'b')}};
  const auto text = [](int count) {
    std::string out = "[";
    for (int i = 0; i < count; ++i) out += "{\"a\":1},";
    return out + "0]";
  };
  CHECK(with_renamed_keys(text(10), names)->size() == text(10).size() + 10 * 99'999);
  CHECK_FALSE(with_renamed_keys(text(11), names));
  CHECK_FALSE(with_renamed_keys(text(10'000), names));
  // In proportion to the text, it may grow.
  CHECK(with_renamed_keys(text(1'000'000), {{"a", "_0123456"}})->size() == text(1'000'000).size() + 7'000'000);
}
