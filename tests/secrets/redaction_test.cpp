#include "worker/secrets/redaction.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "protocol/json_text.hpp"
#include "worker/secrets/value_finder.hpp"

using namespace aiw;
using Values = std::vector<std::string>;

namespace {

std::string without(const Values& values, std::string_view text, std::size_t at_most = std::string_view::npos) {
  const ValueFinder finder(values);
  const auto find = [&](std::string_view layer, Places& places) {
    finder.find(layer, [&](std::size_t begin, std::size_t end) { places.add(begin, end); });
  };
  return redacted(text, find, at_most);
}

// A JSON string that holds `text`.
std::string as_json(const std::string& text) { return nlohmann::json(text).dump(); }

}  // namespace

TEST_CASE("redaction: a value within another and values that overlap leave nothing of either") {
  for (const Values& values : {Values{"tok_abc", "tok_abc_TAIL"}, Values{"tok_abc_TAIL", "tok_abc"}}) {
    CHECK(without(values, "a tok_abc_TAIL b tok_abc_TAI") == "a [redacted] b [redacted]_TAI");
  }
  CHECK(without({"bcd", "abcdef"}, "abcdef abcde") == "[redacted] a[redacted]e");
  CHECK(without({"abcd", "cdef", "efgh"}, "-abcdefgh-") == "-[redacted]-");
  CHECK(without({"abab"}, "abababab ababab") == "[redacted] [redacted]");
  CHECK(without({"aa"}, "aa-a-aaa") == "[redacted]-a-[redacted]");
  CHECK(without({"ab"}, "abab") == "[redacted][redacted]");
  CHECK(without({"ab"}, "").empty());
  CHECK(without({}, "ab") == "ab");
}

TEST_CASE("redaction: a value is found in JSON, in JSON that a text quotes, and in what that quotes") {
  const Values values = {"aB3/xY7\"z\\q", "Schlüssel-€-\U0001F511"};
  for (const auto& value : values) {
    std::string text = "key " + value + "!", expected = "key [redacted]!";
    for (int depth = 0; depth <= 4; ++depth) {
      CAPTURE(depth);
      CHECK(without(values, text) == expected);
      text = as_json(text);
      expected = as_json(expected);
    }
  }
  CHECK(without(values, R"({"error":"aB3\/xY7\u0022z\u005Cq"})") == R"({"error":"[redacted]"})");
  CHECK(without(values, R"("Schl\u00fcssel-\u20AC-\ud83d\udd11")") == R"("[redacted]")");
  CHECK(without({"ab\\ncd-1", "key-2-long"}, R"(bad ab\ncd-1 key-2-long)") == "bad [redacted] [redacted]");
}

TEST_CASE("redaction: an escape stays whole, and what only looks like one stays as it is") {
  CHECK(without({"nabc"}, R"("\nabc \u006eabc nabc")") == R"("[redacted] [redacted] [redacted]")");
  CHECK(without({"abcu"}, R"("abc\u0041")") == R"("abc\u0041")");
  CHECK(without({"abc\\"}, R"("abc\u0041")") == R"("[redacted]")");
  CHECK(without({"abc"}, R"(C:\abc\x \u12 \ud800 \udc00 \)") == R"(C:\[redacted]\x \u12 \ud800 \udc00 \)");
  CHECK(without({"secret"}, R"("\\u0073ecret \u0073ecret")") == R"("[redacted] [redacted]")");
}

TEST_CASE("redaction: of a beginning that is wanted nothing else is told") {
  CHECK(without({"secret"}, "a secret b", 2) == "a ");
  CHECK(without({"secret"}, "a secret b", 3) == "a [redacted]");
  CHECK(without({"secret"}, "a secret b", 8) == "a [redacted]");
  CHECK(without({"secret"}, "a secret b", 9) == "a [redacted] ");
  CHECK(without({"secret"}, "a secret b", 0).empty());
}

TEST_CASE("redaction: few values in random texts, as one by one would find them") {
  std::mt19937 random(7);
  const auto word = [&](std::size_t longest) {
    std::string text(1 + random() % longest, 'a');
    for (char& c : text) c = static_cast<char>('a' + random() % 2);
    return text;
  };
  for (int round = 0; round < 20'000; ++round) {
    Values values;
    for (std::size_t i = 0; i < 1 + random() % 4; ++i) values.push_back(word(5));
    const std::string text = word(24);
    std::vector<bool> gone(text.size()), joined(text.size() + 1);
    for (const auto& value : values) {
      for (auto at = text.find(value); at != std::string::npos; at = text.find(value, at + 1)) {
        for (std::size_t i = at; i < at + value.size(); ++i) gone[i] = true;
        for (std::size_t i = at + 1; i < at + value.size(); ++i) joined[i] = true;
      }
    }
    std::string expected;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (!gone[i]) expected += text[i];
      if (gone[i] && !joined[i]) expected += "[redacted]";
    }
    CAPTURE(text);
    REQUIRE(without(values, text) == expected);
    const std::size_t rest = ValueFinder(values).find(text, [](std::size_t, std::size_t) {});
    std::size_t longest = 0;
    for (const auto& value : values) {
      for (std::size_t i = 1; i <= std::min(value.size(), text.size()); ++i) {
        if (text.ends_with(value.substr(0, i))) longest = std::max(longest, i);
      }
    }
    REQUIRE(rest == longest);
  }
}

namespace {

struct Byte {
  char byte;
  std::size_t begin, end;  // where it stands in the text
};

// The text that lies within, byte by byte.
std::vector<Byte> within(const std::vector<Byte>& text) {
  std::string plain;
  for (const Byte& byte : text) plain += byte.byte;
  std::vector<Byte> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto escape = json_escape_at(std::string_view(plain).substr(at));
    if (!escape) {
      out.push_back(text[at++]);
      continue;
    }
    std::string meant;
    append_utf8(meant, escape->code_point);
    const std::size_t end = text[at + escape->length - 1].end;
    for (const char c : meant) out.push_back({c, text[at].begin, end});
    at += escape->length;
  }
  return out;
}

}  // namespace

TEST_CASE("fault 99: values behind escapes in random texts, as one by one would find them") {
  std::mt19937 random(11);
  const std::vector<std::string> pieces = {"a",       "b",       "\\",      "\\\\", "\\\"",
                                           "\\u0061", "\\u005c", "\\u00e9", "n",    "u0062"};
  for (int round = 0; round < 20'000; ++round) {
    const auto some = [&](std::size_t most) {
      std::string text;
      for (std::size_t i = 0; i < 1 + random() % most; ++i) text += pieces[random() % pieces.size()];
      return text;
    };
    const Values values = {some(2), some(3)};
    const std::string text = some(12);
    std::vector<Byte> layer;
    for (std::size_t i = 0; i < text.size(); ++i) layer.push_back({text[i], i, i + 1});
    const std::vector<Byte> own = within(layer);
    std::vector<bool> gone(text.size()), joined(text.size() + 1);
    const auto take = [&](std::size_t begin, std::size_t end) {
      for (const Byte& byte : own) {  // an escape goes whole
        if (byte.begin < begin && begin < byte.end) begin = byte.begin;
        if (byte.begin < end && end < byte.end) end = byte.end;
      }
      for (std::size_t i = begin; i < end; ++i) gone[i] = true;
      for (std::size_t i = begin + 1; i < end; ++i) joined[i] = true;
    };
    for (int depth = 0; depth <= 4; ++depth) {
      std::string plain;
      for (const Byte& byte : layer) plain += byte.byte;
      for (const auto& value : values) {
        for (auto at = plain.find(value); at != std::string::npos; at = plain.find(value, at + 1)) {
          take(layer[at].begin, layer[at + value.size() - 1].end);
        }
      }
      layer = within(layer);
    }
    std::string expected;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (!gone[i]) expected += text[i];
      if (gone[i] && !joined[i]) expected += "[redacted]";
    }
    CAPTURE(text);
    CAPTURE(values[0]);
    CAPTURE(values[1]);
    REQUIRE(without(values, text) == expected);
  }
}

TEST_CASE("fault 99: a text of nothing but escapes takes no memory beside itself and what lies within") {
  std::string text;
  for (int i = 0; i < 1'000'000; ++i) text += "\\\\";
  std::size_t most = 0;
  const std::string out = redacted(text, [&](std::string_view layer, Places&) { most += layer.size(); });
  CHECK((out == text));
  CHECK(most < 2 * text.size());
}

// One by one, from place to place: hours.
TEST_CASE("redaction: long values that are periodic, and many of them, take the time of the text") {
  Values values;
  for (int i = 0; i < 100; ++i) values.push_back(std::string(20'000, 'k') + std::to_string(i));
  const std::string text = "\\" + std::string(8'000'000, 'k');
  CHECK((without(values, text) == text));
}
