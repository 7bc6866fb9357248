// A push parser of server-sent events (WHATWG HTML, 9.2.6): bytes in, cut anywhere, events out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aiw {

struct SseEvent {
  std::string_view type;  // empty: the stream named none (the specification's "message")
  std::string_view data;  // data lines joined by LF; any bytes, not checked to be UTF-8
  std::string_view id;    // the last event id of the stream
  bool unframed = false;  // the data are lines of JSON that no field name precedes (SseSyntax::with_errors)
};

// with_errors: also reads what servers and proxies write between events when they fail, which the specification
// ignores: lines of JSON without a field name, up to a blank line or a field, and a field `error`, which is an event
// "error".
enum class SseSyntax { standard, with_errors };

// Usage: feed(bytes), then next(event) until it is false. Takes time in proportion to the bytes, however they are cut,
// and holds at most one event of `max_event_bytes`. An event with one data line that lies within the fed bytes is
// handed out without a copy. Not thread-safe.
class SseParser {
 public:
  explicit SseParser(std::size_t max_event_bytes, SseSyntax syntax = SseSyntax::standard)
      : max_event_bytes_(max_event_bytes), with_errors_(syntax == SseSyntax::with_errors) {}

  // `bytes` must stay until next() has returned false; only then may more be fed.
  void feed(std::string_view bytes);
  // The next event; its views live until the next call of any member. False: more bytes are needed, or too_large().
  bool next(SseEvent& event);
  // The body ended: the event that no blank line follows, its last line possibly without a newline. The specification
  // discards it; callers whose API may end that way ask for it. Call after next() has returned false; with_errors there
  // may be two.
  bool finish(SseEvent& event);
  // A line or an event exceeded the limit; nothing more comes out. Bytes after it are not looked at.
  [[nodiscard]] bool too_large() const { return too_large_; }
  // The last event id so far, also of an event without data, which is not handed out.
  [[nodiscard]] const std::string& last_id() const { return id_; }
  // How long to wait before connecting again, if the stream said so. At most a day.
  [[nodiscard]] std::optional<std::int64_t> retry_ms() const { return retry_ms_; }

 private:
  bool take_line(std::string_view& line);
  void release_line();
  bool on_line(std::string_view line, SseEvent& event);
  bool on_odd_line(std::string_view line, SseEvent& event);
  void on_field(std::string_view name, std::string_view value);
  void add_data(std::string_view value);
  void adopt_line(std::string_view value);
  void keep_data();
  bool dispatch(SseEvent& event);
  void reset_event();
  bool fail_too_large();

  const std::size_t max_event_bytes_;
  const bool with_errors_;
  std::string_view input_;    // what was fed
  std::size_t position_ = 0;  // bytes of it that were looked at
  std::size_t next_lf_ = 0;   // the first LF at or after position_ if it is not before it; input_.size(): none
  std::size_t next_cr_ = 0;
  std::string line_;            // the start of a line whose end has not come
  bool line_in_input_ = false;  // the line just taken lies in the fed bytes
  bool line_done_ = false;      // line_ was handed out and is to be cleared
  bool skip_lf_ = false;        // the last line ended in CR: an LF right after it belongs to it
  bool at_start_ = true;

  std::string_view data_;  // the event's data so far: a view of the fed bytes or of data_buffer_
  std::string data_buffer_;
  bool data_in_input_ = false;
  bool has_data_ = false;
  bool unframed_ = false;
  std::optional<std::string_view> next_line_;  // the line just taken, which belongs to the event after this one
  std::string type_;
  std::string id_;
  std::optional<std::int64_t> retry_ms_;
  bool dispatched_ = false;  // the event's fields are handed out until the next call
  bool too_large_ = false;
};

}  // namespace aiw
