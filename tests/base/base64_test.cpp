#include "worker/base/base64.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace aiw;

TEST_CASE("base64 encodes and decodes the vectors of RFC 4648") {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {std::string("\xfb\xff\xbf\0", 4), "+/+/AA=="},
  };
  for (const auto& [bytes, text] : rows) {
    CAPTURE(text);
    CHECK(base64_encode(bytes) == text);
    std::string out = "old";
    CHECK(base64_decode(text, out));
    CHECK(out == bytes);
  }
}

TEST_CASE("base64url has its own two digits and no padding") {
  CHECK(base64url_encode("\xfb\xff\xbf") == "-_-_");
  CHECK(base64url_encode("f") == "Zg");
  std::string out;
  CHECK(base64_decode("-_-_Zg", out));
  CHECK(out ==
        "\xfb\xff\xbf"
        "f");
}

TEST_CASE("data of any length decodes to itself after encoding") {
  std::string all;
  for (int i = 0; i < 1024; ++i) all += static_cast<char>(static_cast<unsigned char>(i * 7 + i / 256));
  for (std::size_t size = 0; size <= all.size(); ++size) {
    std::string out;
    REQUIRE(base64_decode(base64_encode(all.substr(0, size)), out));
    REQUIRE(out == all.substr(0, size));
  }
}

TEST_CASE("text that is not base64 is rejected") {
  for (const char* text :
       {"A", "Zg=", "Zg===", "Zm9v=", "=", "====", "Zm 9v", "Zm9v\n", "Z!==", "Zh==", "Zm9=", "Z=g="}) {
    CAPTURE(text);
    std::string out;
    CHECK_FALSE(base64_decode(text, out));
  }
}

TEST_CASE("base64 pieces join to the base64 of all bytes, however they are split") {
  std::string bytes;
  for (int i = 0; i < 61; ++i) bytes += static_cast<char>(static_cast<unsigned char>(i * 37));
  for (std::size_t size = 1; size < 8; ++size) {
    Base64Joiner joiner;
    for (std::size_t at = 0; at < bytes.size(); at += size) joiner.add(base64_encode(bytes.substr(at, size)));
    CHECK_FALSE(joiner.empty());
    CHECK(joiner.take() == base64_encode(bytes));
    CHECK(joiner.empty());
  }
}

TEST_CASE("a single piece stays unchanged, and pieces that are not base64 are appended as text") {
  const auto joined = [](const std::vector<std::string>& pieces) {
    Base64Joiner joiner;
    for (const auto& piece : pieces) joiner.add(piece);
    return joiner.take();
  };
  CHECK(joined({}).empty());
  CHECK(joined({"no base64"}) == "no base64");
  CHECK(joined({"Zg"}) == "Zg");
  CHECK(joined({"-_-_", "Zg"}) == "+/+/Zg==");
  CHECK(joined({"Zm9vY", "mFy", "Zg=="}) == "Zm9vYmFyZg==");
  CHECK(joined({"Zg==", "Zg==", "!", "Zg=="}) == "ZmY=!Zg==");
}
