// Diagnostics on stderr, as text or JSON lines. Never log a key or a conversation; log codes, ids and numbers.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <variant>

namespace aiw {

enum class LogLevel { trace, debug, info, warn, error, off };
enum class LogFormat { text, json };

// Call once, before the first log line.
void init_log(LogLevel level, LogFormat format);
[[nodiscard]] bool log_enabled(LogLevel level);

using LogValue = std::variant<std::string_view, std::int64_t, double, bool>;
using LogField = std::pair<std::string_view, LogValue>;

// Writes one line: the event and its fields. Values may contain any bytes; control characters are escaped. Never blocks
// for long and never fails: a line that cannot be written is counted and dropped.
void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});
// Same at level info, for a line that somebody asked for: it is written at every level except off.
void log_requested(std::string_view message, std::initializer_list<LogField> fields = {});

}  // namespace aiw
