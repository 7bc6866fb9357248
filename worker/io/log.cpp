// Header-only fmt, so that startup loads no library. Must come before spdlog's headers, which include fmt.
#undef FMT_SHARED
#define FMT_HEADER_ONLY
#include "worker/io/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <climits>
#include <cmath>
#include <memory>
#include <mutex>
#include <string>

#include "protocol/json_text.hpp"
#include "protocol/json_writer.hpp"
#include "worker/io/output_descriptor.hpp"
#include "worker/secrets/live_secret.hpp"
#include "worker/secrets/log_redaction.hpp"

namespace aiw {
namespace {

constexpr std::size_t kLongestValue = 512;
constexpr std::size_t kLongestRead = 2 * kLongestValue;  // the rest of a value matters only if a key continues there

// Writes whole lines or none. A pipe accepts up to PIPE_BUF bytes atomically; longer lines are dropped.
class StderrSink : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const auto written = line.size() > PIPE_BUF ? OutputDescriptor::Written{} : out_.write(line.data(), line.size());
    if (written.count < line.size()) ++dropped;
  }
  void flush_() override {}

 public:
  std::atomic<std::uint64_t> dropped = 0;

 private:
  const OutputDescriptor out_{STDERR_FILENO};
};

// Global, because a process has only one stderr.
struct Log {
  std::shared_ptr<StderrSink> sink;
  std::unique_ptr<spdlog::logger> logger;
  LogFormat format = LogFormat::text;
};
Log the_log;

constexpr std::array kNames = {"trace", "debug", "info", "warn", "error", "off"};

spdlog::level::level_enum to_spdlog(LogLevel level) {
  constexpr std::array kLevels = {spdlog::level::trace, spdlog::level::debug, spdlog::level::info,
                                  spdlog::level::warn,  spdlog::level::err,   spdlog::level::off};
  return kLevels[static_cast<std::size_t>(level)];
}

std::string clean(std::string_view text) {
  // Redact before truncating, which could leave half a key.
  const std::string safe =
      redact(without_live_secrets(text.substr(0, kLongestRead + kLongestEscapedKey), kLongestRead));
  const bool cut = safe.size() > kLongestValue || text.size() > kLongestRead;
  auto out = sanitize_utf8(std::string_view(safe).substr(0, kLongestValue));
  return cut ? out + "..." : out;
}

// Returns `{"level":...,"message":...}` without the opening brace, which is part of the pattern.
std::string json_line(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  std::string line;
  JsonWriter json(line);
  json.begin_object().field("level", kNames[static_cast<std::size_t>(level)]).field("message", clean(message));
  for (const auto& [name, value] : fields) {
    if (const auto* text = std::get_if<std::string_view>(&value)) {
      json.field(name, clean(*text));
    } else if (const auto* real = std::get_if<double>(&value)) {
      std::isfinite(*real) ? json.field(name, *real) : json.key(name).null();
    } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      json.field(name, *integer);
    } else {
      json.field(name, std::get<bool>(value));
    }
  }
  json.end_object();
  return line.substr(1);
}

// Appends a plain word as it is, and any other value as a JSON string.
void append_text_value(std::string& line, std::string_view text) {
  const auto value = clean(text);
  if (!value.empty() && value.find_first_of(" =\"\\") == std::string::npos &&
      find_json_special(value.data(), value.data() + value.size()) == value.data() + value.size()) {
    line += value;
  } else {
    append_json_string(line, value);
  }
}

std::string text_line(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  std::string line = kNames[static_cast<std::size_t>(level)];
  line += ' ';
  append_json_escaped(line, clean(message));
  for (const auto& [name, value] : fields) {
    line.append(" ").append(name).append("=");
    if (const auto* text = std::get_if<std::string_view>(&value)) {
      append_text_value(line, *text);
    } else if (const auto* real = std::get_if<double>(&value)) {
      JsonWriter(line).number(*real);
    } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      JsonWriter(line).number(*integer);
    } else {
      line += std::get<bool>(value) ? "true" : "false";
    }
  }
  return line;
}

// Callers check the level.
void write_line(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  const auto line =
      the_log.format == LogFormat::json ? json_line(level, message, fields) : text_line(level, message, fields);
  the_log.logger->log(spdlog::level::critical, spdlog::string_view_t(line.data(), line.size()));
}

void write_line_and_dropped(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  write_line(level, message, fields);
  const auto dropped = the_log.sink->dropped.exchange(0);
  if (dropped == 0) return;
  write_line(LogLevel::warn, "log lines were dropped", {{"count", static_cast<std::int64_t>(dropped)}});
  // If stderr still accepts nothing, this warning was dropped too and counted as one line. Restore the real count.
  if (the_log.sink->dropped > 0) the_log.sink->dropped += dropped - 1;
}

}  // namespace

void init_log(LogLevel level, LogFormat format) {
  const char* const pattern =
      format == LogFormat::json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v)" : "%Y-%m-%dT%H:%M:%S.%eZ %v";
  the_log.format = format;
  the_log.sink = std::make_shared<StderrSink>();
  the_log.logger = std::make_unique<spdlog::logger>("stderr", the_log.sink);
  the_log.logger->set_formatter(
      std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc, "\n"));
  the_log.logger->set_level(to_spdlog(level));
}

bool log_enabled(LogLevel level) {
  return the_log.logger != nullptr && level != LogLevel::off && the_log.logger->should_log(to_spdlog(level));
}

void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (log_enabled(level)) write_line_and_dropped(level, message, fields);
}

void log_requested(std::string_view message, std::initializer_list<LogField> fields) {
  if (log_enabled(LogLevel::error)) write_line_and_dropped(LogLevel::info, message, fields);
}

}  // namespace aiw
