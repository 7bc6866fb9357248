#include "worker/secrets/live_secret.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace aiw;

TEST_CASE("a key in use is taken out of a text wherever it stands, and only while it is in use") {
  const std::string text = "a canary-key-1 b canary-key-1canary-key-1";
  {
    const LiveSecret key("canary-key-1");
    CHECK(without_live_secrets(text) == "a [redacted] b [redacted][redacted]");
    CHECK(without_live_secrets("canary-key-") == "canary-key-");
    CHECK(without_live_secrets("") == "");
    CHECK(without_live_secrets("canary-key-1") == "[redacted]");
  }
  CHECK(without_live_secrets(text) == text);
}

TEST_CASE("a key that is quoted with JSON's escapes is taken out, too") {
  const LiveSecret key("ab/canary+key");
  CHECK(without_live_secrets(R"({"k":"ab\/canary\u002bkey"})") == R"({"k":"[redacted]"})");
  CHECK(without_live_secrets(R"(C:\nothing\here)") == R"(C:\nothing\here)");
}

TEST_CASE("a key that a URL has is taken out, however the library encodes it") {
  const LiveSecret key("canary/key+1=");
  for (const char* form : {"canary%2Fkey%2B1%3D", "canary%2fkey%2b1%3d", "canary/key%2B1%3D", "canary/key%2b1%3d"}) {
    CHECK(without_live_secrets("at /?k=" + std::string(form)) == "at /?k=[redacted]");
  }
}

TEST_CASE("a key that repeats itself is found wherever it stands, and what overlaps is one") {
  const LiveSecret key("abcabcabcab");
  CHECK(without_live_secrets("xabcabcabcabcabx abcabcabc") == "x[redacted]x abcabcabc");
}

TEST_CASE("the same key may be in use many times, and the longest of two counts") {
  std::optional<LiveSecret> first("canary-key-1");
  std::optional<LiveSecret> second("canary-key-1");
  const LiveSecret longer("canary-key-1-and-more");
  CHECK(without_live_secrets("canary-key-1-and-more canary-key-1-and") == "[redacted] [redacted]-and");
  first.reset();
  CHECK(without_live_secrets("canary-key-1") == "[redacted]");
  const LiveSecret copy = *second;
  second.reset();
  CHECK(without_live_secrets("canary-key-1") == "[redacted]");
}

TEST_CASE("a header's last word is a key of its own, and short values are words") {
  const LiveSecret header("Bearer abcdefgh");
  const LiveSecret name("ollama");
  const LiveSecret none("");
  CHECK(without_live_secrets("Bearer abcdefgh, abcdefgh, Bearer x") == "[redacted], [redacted], Bearer x");
  CHECK(without_live_secrets("ollama: abcdefg") == "ollama: abcdefg");
}

TEST_CASE("fault 99: a key is known in every form in which it was given or may be sent") {
  const LiveSecret basic("Basic dXNlcjpwYXNzd29yZC0xMjM=");  // user:password-123
  const LiveSecret named("Token token=abcdef-123");
  const LiveSecret symbols("key/with+symbols");
  CHECK(without_live_secrets("dXNlcjpwYXNzd29yZC0xMjM= user:password-123 password-123") ==
        "[redacted] [redacted] [redacted]");
  CHECK(without_live_secrets("user%3Apassword-123") == "[redacted]");
  CHECK(without_live_secrets("abcdef-123, token=abcdef-123") == "[redacted], [redacted]");
  CHECK(without_live_secrets("?key=key%2Fwith%2Bsymbols") == "?key=[redacted]");
  CHECK(secret_forms("") == std::vector<std::string>{});
  CHECK(secret_forms("plain") == std::vector<std::string>{"plain"});
  CHECK(secret_forms("Basic no-base64!").size() == 4);
}

TEST_CASE("an error's words from upstream are redacted, its code is ours") {
  const LiveSecret key("canary-key-1");
  const Error error = without_live_secrets(Error{.code = "upstream_http",
                                                 .message = "bad key canary-key-1",
                                                 .provider = "p",
                                                 .provider_code = "canary-key-1",
                                                 .request_id = "id-canary-key-1"});
  CHECK(error.code == "upstream_http");
  CHECK(error.message == "bad key [redacted]");
  CHECK(error.provider_code == "[redacted]");
  CHECK(error.request_id == "id-[redacted]");
}

TEST_CASE("thousands of keys in use do not make a text's redaction slower than its length") {
  std::vector<LiveSecret> many;
  for (int i = 0; i < 20'000; ++i) many.emplace_back("key-" + std::to_string(1'000'000 + i));
  const std::string text(100'000, 'k');
  CHECK(without_live_secrets(text) == text);
  CHECK(without_live_secrets("key-1000777") == "[redacted]");
}

// One by one, each over the whole text: minutes.
TEST_CASE("thousands of keys that begin alike, or end alike too, do not make a text's redaction slower") {
  std::vector<LiveSecret> many;
  std::string beginnings;
  for (int i = 0; i < 20'000; ++i) {
    many.emplace_back("sk-proj-" + std::to_string(1'000'000 + i) + "-the-end");
    many.emplace_back("sk-proj-" + std::to_string(1'000'000 + i));
    beginnings += "sk-proj-";
  }
  CHECK((without_live_secrets(beginnings) == beginnings));
  CHECK((without_live_secrets(beginnings + "-the-end") == beginnings + "-the-end"));
  CHECK((without_live_secrets(beginnings + "1000777-the-end!") == beginnings.substr(8) + "[redacted]!"));
  CHECK((without_live_secrets(beginnings + "1000777\\u002dthe-end!") == beginnings.substr(8) + "[redacted]!"));
}

TEST_CASE("keys that go on differently after the same beginning are all found") {
  std::vector<LiveSecret> many;
  std::string text, expected;
  for (int byte = 1; byte < 256; ++byte) {
    std::string key = "same-" + std::string(4, static_cast<char>(byte));
    text += key + "same-";
    expected += "[redacted]same-";
    many.emplace_back(std::move(key));
  }
  CHECK(without_live_secrets(text) == expected);
}

// More than one ValueFinder takes.
TEST_CASE("long keys that begin and end alike, and overlap in a text, are all taken out") {
  std::string letters;
  std::mt19937 random(3);
  for (int i = 0; i < 70'000; ++i) letters += static_cast<char>('a' + random() % 26);
  std::vector<LiveSecret> many;
  std::string text;
  for (std::size_t i = 0; i < 10; ++i) {
    const std::string key = "sk-proj-" + letters.substr(i * 100, 60'000) + "-the-end";
    many.emplace_back(key);
    text += key + " ";
    if (i % 2 == 0) many.emplace_back(key.substr(30'000) + " sk-proj-");
  }
  // Those of a pair are joined by the key that ends in the second one.
  CHECK((without_live_secrets(text) == "[redacted] [redacted] [redacted] [redacted] [redacted] "));
}

TEST_CASE("keys in random texts, as one by one would find them") {
  std::mt19937 random(5);
  const auto word = [&](std::size_t shortest, std::size_t most) {
    std::string text(shortest + random() % most, 'a');
    for (char& c : text) c = random() % 8 == 0 ? 'b' : 'a';
    return text;
  };
  for (int round = 0; round < 5'000; ++round) {
    std::vector<LiveSecret> live;
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < 1 + random() % 4; ++i) live.emplace_back(keys.emplace_back(word(8, 4)));
    const std::string text = word(0, 60);
    std::vector<bool> gone(text.size()), joined(text.size() + 1);
    for (const auto& key : keys) {
      for (auto at = text.find(key); at != std::string::npos; at = text.find(key, at + 1)) {
        for (std::size_t i = at; i < at + key.size(); ++i) gone[i] = true;
        for (std::size_t i = at + 1; i < at + key.size(); ++i) joined[i] = true;
      }
    }
    std::string expected;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (!gone[i]) expected += text[i];
      if (gone[i] && !joined[i]) expected += "[redacted]";
    }
    CAPTURE(text);
    REQUIRE(without_live_secrets(text) == expected);
  }
}
