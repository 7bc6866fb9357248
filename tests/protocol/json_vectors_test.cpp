// Files of JSONTestSuite if they are available, and our own texts of the same kinds.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "protocol/json_reader.hpp"
#include "tests/protocol/decoding.hpp"

using namespace aiw;

namespace {

namespace fs = std::filesystem;

bool accepts(std::string text) {
  if (find_invalid_utf8(text)) return false;
  JsonReader in(text.data(), text.size(), 128);
  in.validate();
  return in.ok();
}

fs::path vectors_folder() {
  const char* given = std::getenv("AIW_CORPUS");
  return (given != nullptr ? fs::path(given) : fs::path(AIW_SOURCE_DIR) / "../shared/corpus") / "json";
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("validate accepts the valid and rejects the invalid texts of JSONTestSuite") {
  const fs::path folder = vectors_folder();
  if (!fs::is_directory(folder)) {
    MESSAGE("skipped: the corpus is not there (AIW_CORPUS)");
    return;
  }
  int count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    const std::string text = read_file(entry.path());
    const bool accepted = accepts(text);
    if (name.starts_with("y_")) CHECK(accepted);
    if (name.starts_with("n_")) CHECK_FALSE(accepted);
    // No file is a valid request line, so each is rejected.
    CHECK(std::holds_alternative<RejectedLine>(test::decode(text)));
    ++count;
  }
  CHECK(count > 100);
}

TEST_CASE("texts that the suite leaves to implementations have a fixed verdict") {
  CHECK(accepts(R"(["\uD800"])"));    // repaired
  CHECK(accepts("[123e-10000000]"));  // zero
  CHECK(accepts("[1" + std::string(100, '0') + "]"));
  CHECK_FALSE(accepts("[0.4e00669999999999999999999999999999999999999999999]"));
  CHECK_FALSE(accepts("[-1e+9999]"));
  CHECK_FALSE(accepts("[\"\xED\xA0\x80\"]"));
  CHECK_FALSE(accepts("[\"\xC0\xAF\"]"));
  CHECK_FALSE(accepts("\xEF\xBB\xBF{}"));
  CHECK_FALSE(accepts(std::string("[\0\"\0a\0\"\0]\0", 10)));
}

TEST_CASE("texts truncated at any byte are rejected") {
  const std::string whole = R"({"a":[1.5e+3,true,null,"\u00e9\ud83d\ude00\n",{"b":{}}],"c":-0})";
  CHECK(accepts(whole));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(accepts(whole.substr(0, length)));
  }
}
