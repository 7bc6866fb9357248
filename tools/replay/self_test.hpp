// Self-test of the replay tool: alters one thing at a time and checks that the comparison fails.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>

namespace aiw::tools {

// Counts checks and prints the failed ones.
class SelfTest {
 public:
  explicit SelfTest(std::ostream& out) : out_(out) {}
  // `is_right` is false if an alteration went unnoticed, or if a valid case failed. `detail` explains a failure.
  void check(const std::string& what, bool is_right, const std::string& detail = {});
  [[nodiscard]] bool passed() const { return wrong_ == 0 && checks_ > 0; }
  void print_total() const;

 private:
  std::ostream& out_;
  int checks_ = 0;
  int wrong_ = 0;
};

// Alters each compared field of recorded cases, and runs them through the real worker.
void test_corpus(SelfTest& test, const std::filesystem::path& folder, const std::filesystem::path& worker);
// Breaks each guarantee about frames that a ChatLog checks.
void test_frames(SelfTest& test);
// Alters each aspect in which a request can differ from its recording.
void test_requests(SelfTest& test, const std::filesystem::path& worker);
// Alters each kind of expectation in cassettes, and runs them through the real worker.
void test_cassettes(SelfTest& test, const std::filesystem::path& folder, const std::filesystem::path& worker);
// Records from an upstream in this process. Checks that no key remains and that the recording can be replayed.
void test_recording(SelfTest& test, const std::filesystem::path& worker);

}  // namespace aiw::tools
