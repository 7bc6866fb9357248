#include "worker/io/log.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <limits>
#include <string>
#include <string_view>

#include "tests/support/test_pipe.hpp"
#include "worker/secrets/live_secret.hpp"
#include "worker/secrets/log_redaction.hpp"

namespace {

using aiw::log;
using aiw::LogFormat;
using aiw::LogLevel;
using aiw::test::Fd;
using aiw::test::make_pipe;
using aiw::test::read_all;

// Redirects stderr to a pipe during its lifetime.
class CapturedStderr {
 public:
  CapturedStderr() : saved_(dup(2)) { dup2(pipe_.write.get(), 2); }
  ~CapturedStderr() {
    restore();
    aiw::init_log(LogLevel::off, LogFormat::text);
  }
  std::string text() {
    restore();
    aiw::init_log(LogLevel::off, LogFormat::text);  // releases the pipe
    pipe_.write.reset();
    return read_all(pipe_.read.get());
  }
  std::string drain(std::size_t size) { return read_all(pipe_.read.get(), size); }
  void close_reader() { pipe_.read.reset(); }

 private:
  void restore() { dup2(saved_.get(), 2); }

  aiw::test::FdPair pipe_ = make_pipe();
  Fd saved_;
};

// Returns the lines without their time stamps.
std::string without_times(std::string_view text, std::string_view before, std::size_t length) {
  std::string out;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n') + 1);
    REQUIRE(line.starts_with(before));
    REQUIRE(line.size() > before.size() + length);
    CHECK(line[before.size() + 4] == '-');
    CHECK(line[before.size() + 10] == 'T');
    out += line.substr(before.size() + length);
    text.remove_prefix(line.size());
  }
  return out;
}

constexpr std::size_t kTimeLength = std::string_view("2026-01-01T00:00:00.000Z").size();

}  // namespace

TEST_CASE("a text line has a time, a level, the message and its fields") {
  CapturedStderr captured;
  aiw::init_log(LogLevel::info, LogFormat::text);
  log(LogLevel::info, "started", {{"pid", std::int64_t{7}}, {"ratio", 0.5}, {"ok", true}});
  log(LogLevel::debug, "not seen");
  log(LogLevel::warn, "two\nlines {}", {{"word", "plain"}, {"text", "a b=\"c\""}, {"empty", ""}});
  CHECK(aiw::log_enabled(LogLevel::error));
  CHECK_FALSE(aiw::log_enabled(LogLevel::debug));
  CHECK(without_times(captured.text(), "", kTimeLength) ==
        " info started pid=7 ratio=0.5 ok=true\n"
        " warn two\\nlines {} word=plain text=\"a b=\\\"c\\\"\" empty=\"\"\n");
}

TEST_CASE("a requested line is written at every level except off") {
  CapturedStderr captured;
  aiw::init_log(LogLevel::error, LogFormat::text);
  log(LogLevel::info, "not requested");
  aiw::log_requested("stats", {{"lines", std::int64_t{3}}});
  aiw::init_log(LogLevel::off, LogFormat::text);
  aiw::log_requested("stats");
  CHECK(without_times(captured.text(), "", kTimeLength) == " info stats lines=3\n");
}

TEST_CASE("JSON lines are valid, whatever the values contain") {
  CapturedStderr captured;
  aiw::init_log(LogLevel::trace, LogFormat::json);
  log(LogLevel::error, "odd \"bytes\"",
      {{"v", "\x01\xFF"}, {"n", std::numeric_limits<double>::quiet_NaN()}, {"i", std::int64_t{-1}}, {"b", false}});
  CHECK(without_times(captured.text(), "{\"time\":\"", kTimeLength) ==
        "\",\"level\":\"error\",\"message\":\"odd \\\"bytes\\\"\",\"v\":\"\\u0001\xEF\xBF\xBD\",\"n\":null,\"i\":-1,"
        "\"b\":false}\n");
}

TEST_CASE("long values are cut, and a line too long for a pipe is dropped and counted") {
  CapturedStderr captured;
  aiw::init_log(LogLevel::info, LogFormat::text);
  const std::string large(10'000, 'x');
  log(LogLevel::info, large);
  log(LogLevel::info, "many",
      {{"a", large}, {"b", large}, {"c", large}, {"d", large}, {"e", large}, {"f", large}, {"g", large}, {"h", large}});
  CHECK(without_times(captured.text(), "", kTimeLength) ==
        " info " + std::string(512, 'x') + "...\n warn log lines were dropped count=1\n");
}

TEST_CASE("a full or closed stderr never blocks: lines are dropped, and counted when it is read again") {
  CapturedStderr captured;
  aiw::init_log(LogLevel::info, LogFormat::text);
  const std::string line(400, 'x');
  for (int i = 0; i < 1000; ++i) log(LogLevel::info, line);
  auto text = captured.drain(16'000);
  log(LogLevel::info, "again");
  text += captured.text();
  constexpr std::string_view kReport = "log lines were dropped count=";
  long accounted = std::count(text.begin(), text.end(), '\n');
  for (auto at = text.find(kReport); at != std::string::npos; at = text.find(kReport, at + 1)) {
    accounted += std::stol(text.substr(at + kReport.size())) - 1;
  }
  CHECK(accounted == 1001);
  CHECK(text.ends_with(std::to_string(std::stol(text.substr(text.rfind('=') + 1))) + "\n"));  // ends with a report
  CHECK(text.find(" info again\n") != std::string::npos);
}

TEST_CASE("a stderr without a reader is not an error") {
  std::signal(SIGPIPE, SIG_IGN);  // as Loop does
  CapturedStderr captured;
  aiw::init_log(LogLevel::info, LogFormat::text);
  captured.close_reader();
  log(LogLevel::error, "unheard");
}

TEST_CASE("fault 94: a key in use is redacted by its value in messages and fields, even where a value is cut") {
  const std::string key = "canary-without-a-known-beginning";
  for (const auto format : {LogFormat::text, LogFormat::json}) {
    CapturedStderr captured;
    aiw::init_log(LogLevel::trace, format);
    {
      const aiw::LiveSecret live("Token " + key);
      log(LogLevel::trace, "said " + key, {{"value", key}, {"more", "x" + key + "y"}});
      for (std::size_t before = 470; before < 520; ++before) {
        log(LogLevel::error, "cut", {{"text", std::string(before, '.') + key}});
      }
      std::string long_key = "canary-", escaped = long_key;
      for (int i = 0; i < 20'000; ++i) long_key += '/', escaped += "\\u002f";
      const aiw::LiveSecret long_live(long_key);
      log(LogLevel::error, "escaped", {{"text", escaped}});
    }
    const std::string text = captured.text();
    CHECK(text.find("canary") == std::string::npos);
    CHECK(text.find("x[redacted]y") != std::string::npos);
  }
}

TEST_CASE("keys in known formats are redacted") {
  CHECK(aiw::redact("key sk-proj-abcDEF_123456 given") == "key sk-[redacted] given");
  CHECK(aiw::redact("Authorization: Bearer abc.def-123456") == "Authorization: Bearer [redacted]");
  CHECK(aiw::redact("https://h/v1?key=AIzaSyCanary1234&alt=sse") == "https://h/v1?key=[redacted]&alt=sse");
  CHECK(aiw::redact("\"AIzaSyCanary1234\"") == "\"AIza[redacted]\"");
  CHECK(aiw::redact("task-abcdefghijkl and sk-short, risk-free") == "task-abcdefghijkl and sk-short, risk-free");
  CHECK(aiw::redact("") == "");
}
