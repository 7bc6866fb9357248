#include "worker/process/process_limits.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "worker/base/memory_account.hpp"

using namespace aiw;
namespace fs = std::filesystem;

namespace {

// Fake root folder with the given files in /proc and /sys.
class Root {
 public:
  Root() {
    std::string name = "/tmp/aiw-limits-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Root() { fs::remove_all(path_); }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;
  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((path_ / file).parent_path());
    std::ofstream(path_ / file) << text;
  }
  [[nodiscard]] std::size_t limit() const { return memory_limit(path_); }

 private:
  fs::path path_;
};

constexpr std::size_t kMiB = std::size_t{1} << 20;

}  // namespace

TEST_CASE("fault 89: the memory limit is the smallest limit of the control groups around the process") {
  const Root root;
  const std::size_t machine = root.limit();
  CHECK(machine > 0);
  root.write("proc/self/cgroup", "0::/outer/inner\n");
  root.write("sys/fs/cgroup/outer/inner/memory.max", "max\n");
  CHECK(root.limit() == machine);
  root.write("sys/fs/cgroup/outer/memory.max", std::to_string(128 * kMiB) + "\n");
  CHECK(root.limit() == 128 * kMiB);
  root.write("sys/fs/cgroup/outer/inner/memory.max", std::to_string(64 * kMiB) + "\n");
  CHECK(root.limit() == 64 * kMiB);
}

TEST_CASE("fault 89: control groups of version 1 count, too, and invalid values are ignored") {
  const Root root;
  const std::size_t machine = root.limit();
  root.write("proc/self/cgroup", "nonsense\n5:cpu,memory:/job\n4:pids:/job\n0::/\n");
  root.write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9223372036854771712\n");
  root.write("sys/fs/cgroup/memory.max", "none of a number\n");
  CHECK(root.limit() == machine);
  root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", std::to_string(32 * kMiB) + "\n");
  CHECK(root.limit() == 32 * kMiB);
}

TEST_CASE("memory is short above four fifths of its limit") {
  CHECK_FALSE(MemoryGauge(0).is_short());
  CHECK_FALSE(MemoryGauge(std::numeric_limits<std::size_t>::max()).is_short());
  CHECK(MemoryGauge(kMiB).is_short());
}

TEST_CASE("fault 108: the shares of the descriptors never add up to more than the limit") {
  for (std::size_t descriptors = 64; descriptors <= 70'000; descriptors += 1 + descriptors / 16) {
    for (const std::size_t chats : {1UL, 100UL, 4'096UL}) {
      CAPTURE(descriptors);
      CAPTURE(chats);
      const auto shares = share_descriptors(descriptors, chats, 256);
      // A look-up uses up to four descriptors, and so does the child of an MCP server. In addition, half as many
      // servers may still be ending.
      const auto children = shares.servers + shares.servers / 2;
      CHECK(shares.connections + 4 * shares.lookups + 4 * children + 24 <= descriptors);
      // Every chat gets a connection, even while each server over HTTP has a stream open.
      CHECK(shares.shared_connections > shares.servers);
      CHECK(shares.connections == shares.chats + shares.shared_connections);
      CHECK(shares.chats <= chats);
      CHECK(shares.servers >= 1);
      CHECK(shares.lookups >= 2);
    }
  }
  // Every part gets something, even with very few descriptors.
  const auto least = share_descriptors(16, 4'096, 256);
  CHECK(least.chats == 1);
  CHECK(least.connections == 2);
  CHECK(least.shared_connections == 1);
  CHECK(share_descriptors(65'536, 4'096, 256).chats == 4'096);
  CHECK(share_descriptors(65'536, 4'096, 256).servers == 256);
}

TEST_CASE("fault 101: short memory is returned to the system after something was freed, not at each measurement") {
  aiw::MemoryGauge gauge(kMiB);  // always above its limit
  for (int i = 0; i < 5'000; ++i) static_cast<void>(gauge.measure());
  CHECK(gauge.trims() >= 1);
  CHECK(gauge.trims() < 500);  // at most one trim each 100 ms
  const auto before = gauge.trims();
  aiw::thread_heap -= 64 * 1'024;  // as if an owner of this much memory was destroyed
  static_cast<void>(gauge.measure());
  CHECK(gauge.trims() == before + 1);
}
