#include "worker/secrets/secret_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace aiw;
namespace fs = std::filesystem;

namespace {

// A folder for keys, `keys`, and one beside it that is none, `other`.
struct Folders {
  std::string root = "/tmp/aiw_secret_XXXXXX";
  std::string keys, other;

  Folders() {
    REQUIRE(mkdtemp(root.data()) != nullptr);
    keys = root + "/keys";
    other = root + "/other";
    fs::create_directories(keys + "/sub");
    fs::create_directories(other);
    write(keys + "/plain", "key\n");
    write(keys + "/sub/inner", "inner");
    write(other + "/secret", "no");
  }
  Folders(const Folders&) = delete;
  Folders& operator=(const Folders&) = delete;
  ~Folders() { fs::remove_all(root); }

  static void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

  // The text, "!" if it is not allowed, "?" if it cannot be read.
  [[nodiscard]] std::string read(const std::string& path, const std::vector<std::string>& folders) const {
    const auto text = read_secret_file(path, folders);
    if (text) return *text;
    return text.error() == SecretFileFault::not_allowed ? "!" : "?";
  }
  [[nodiscard]] std::string read(const std::string& path) const { return read(path, {keys}); }
};

}  // namespace

TEST_CASE("a key's file is read from a named folder and from nowhere else") {
  const Folders f;
  CHECK(f.read(f.keys + "/plain") == "key\n");
  CHECK(f.read(f.keys + "//sub/./inner") == "inner");
  CHECK(f.read(f.keys + "/sub/../plain") == "key\n");
  CHECK(f.read(f.keys + "/plain", {f.other, f.keys + "/"}) == "key\n");
  CHECK(f.read(f.other + "/secret") == "!");
  CHECK(f.read(f.keys + "/../other/secret") == "!");
  CHECK(f.read(f.keys + "/sub/../../other/secret") == "!");
  CHECK(f.read(f.keys + "more/secret") == "!");
  CHECK(f.read("plain") == "!");
  CHECK(f.read("") == "!");
  CHECK(f.read("/etc/passwd") == "!");
  CHECK(f.read(f.keys + "/plain", {}) == "!");
  CHECK(f.read(std::string(f.keys) + "/plain" + '\0' + "x") == "!");
  CHECK(f.read(f.keys + "/gone") == "?");
  CHECK(f.read(f.keys + "/sub") == "?");
  CHECK(f.read(f.keys) == "!");
  CHECK(f.read("/etc/hostname", {"/"}) != "!");
}

TEST_CASE("links are followed within the folder, as Kubernetes has them, and not out of it") {
  const Folders f;
  fs::create_directories(f.keys + "/..2026_01");
  Folders::write(f.keys + "/..2026_01/token", "mounted");
  fs::create_directory_symlink("..2026_01", f.keys + "/..data");
  fs::create_symlink("..data/token", f.keys + "/token");
  CHECK(f.read(f.keys + "/token") == "mounted");
  fs::create_symlink("../other/secret", f.keys + "/out");
  fs::create_symlink(f.other + "/secret", f.keys + "/absolute");
  fs::create_symlink("/proc/self/environ", f.keys + "/magic");
  fs::create_symlink("self", f.keys + "/self");
  fs::create_directory_symlink("../other", f.keys + "/folder");
  for (const char* name : {"/out", "/absolute", "/magic", "/self", "/folder/secret"}) {
    CAPTURE(name);
    CHECK(f.read(f.keys + name) == "!");
  }
  // The folder itself is the operator's choice.
  fs::create_directory_symlink(f.keys, f.root + "/link");
  CHECK(f.read(f.root + "/link/plain", {f.root + "/link"}) == "key\n");
}

TEST_CASE("only regular files of at most 64 KiB are keys, and nothing blocks") {
  const Folders f;
  REQUIRE(mkfifo((f.keys + "/fifo").c_str(), 0600) == 0);
  CHECK(f.read(f.keys + "/fifo") == "?");
  CHECK(f.read("/dev/zero", {"/dev"}) == "?");
  CHECK(f.read("/dev/tty", {"/dev"}) == "?");
  Folders::write(f.keys + "/most", std::string(64 << 10, 'k'));
  Folders::write(f.keys + "/more", std::string((64 << 10) + 1, 'k'));
  CHECK(f.read(f.keys + "/most").size() == 64 << 10);
  CHECK(f.read(f.keys + "/more") == "?");
  Folders::write(f.keys + "/empty", "");
  CHECK(f.read(f.keys + "/empty").empty());
}
