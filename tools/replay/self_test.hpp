// Proves that a replay notices what it should: alters one thing at a time and must see the comparison fail.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>

namespace aiw::tools {

// Counts checks and prints those that went wrong.
class SelfTest {
 public:
  explicit SelfTest(std::ostream& out) : out_(out) {}
  // `is_right` is false if an alteration went unnoticed, or if what should pass failed; `detail` says more then.
  void check(const std::string& what, bool is_right, const std::string& detail = {});
  [[nodiscard]] bool passed() const { return wrong_ == 0 && checks_ > 0; }
  void print_total() const;

 private:
  std::ostream& out_;
  int checks_ = 0;
  int wrong_ = 0;
};

// Each compared field of recorded cases, through the real worker.
void test_corpus(SelfTest& test, const std::filesystem::path& folder, const std::filesystem::path& worker);
// Each promise about frames that a ChatLog checks.
void test_frames(SelfTest& test);
// Each way in which a request can differ from its recording.
void test_requests(SelfTest& test, const std::filesystem::path& worker);
// Cassettes through the real worker: each kind of expectation.
void test_cassettes(SelfTest& test, const std::filesystem::path& folder, const std::filesystem::path& worker);
// Recording from an upstream in this process: no key stays, and what was recorded replays.
void test_recording(SelfTest& test, const std::filesystem::path& worker);

}  // namespace aiw::tools
