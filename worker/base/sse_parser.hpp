// Push parser of server-sent events (WHATWG HTML, 9.2.6). Accepts bytes cut anywhere and returns events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aiw {

struct SseEvent {
  std::string_view type;  // empty: the stream gave no type (the specification's "message")
  std::string_view data;  // data lines joined by LF; any bytes, not checked to be UTF-8
  std::string_view id;    // last event id of the stream
  bool unframed = false;  // the data are lines of JSON without a field name (SseSyntax::with_errors)
};

// with_errors: also reads error texts that servers and proxies write between events, and that the specification
// ignores. These are lines of JSON without a field name, up to a blank line or a field, and a field `error`, which
// becomes an event "error".
enum class SseSyntax { standard, with_errors };

// Call feed(bytes), then next(event) until it returns false. Takes time linear in the bytes, however they are cut, and
// holds at most one event of `max_event_bytes`. An event with one data line inside the fed bytes is returned without a
// copy. Not thread-safe.
class SseParser {
 public:
  explicit SseParser(std::size_t max_event_bytes, SseSyntax syntax = SseSyntax::standard)
      : max_event_bytes_(max_event_bytes), with_errors_(syntax == SseSyntax::with_errors) {}

  // `bytes` must stay valid until next() has returned false. Only then may more bytes be fed.
  void feed(std::string_view bytes);
  // Returns the next event; its views are valid until the next call of any member. Returns false if more bytes are
  // needed, or if too_large().
  bool next(SseEvent& event);
  // Call at the end of the body, after next() has returned false. Returns an event that no blank line follows; its last
  // line may lack a newline. The specification discards such an event; some APIs end this way. With with_errors there
  // may be two, so call it until it returns false.
  bool finish(SseEvent& event);
  // True if a line or an event exceeded the limit. No more events are returned, and later bytes are ignored.
  [[nodiscard]] bool too_large() const { return too_large_; }
  // Returns the last event id so far, including the id of an event without data, which is not returned itself.
  [[nodiscard]] const std::string& last_id() const { return id_; }
  // Returns the reconnect delay of the stream, if given; at most a day.
  [[nodiscard]] std::optional<std::int64_t> retry_ms() const { return retry_ms_; }

 private:
  bool take_line(std::string_view& line);
  void release_line();
  bool on_line(std::string_view line, SseEvent& event);
  bool on_unusual_line(std::string_view line, SseEvent& event);
  void on_field(std::string_view name, std::string_view value);
  void add_data(std::string_view value);
  void adopt_line(std::string_view value);
  void keep_data();
  bool dispatch(SseEvent& event);
  void reset_event();
  bool fail_too_large();

  const std::size_t max_event_bytes_;
  const bool with_errors_;
  std::string_view input_;    // bytes of the current feed()
  std::size_t position_ = 0;  // number of bytes already processed
  std::size_t next_lf_ = 0;   // first LF at or after position_; input_.size(): none; stale if it is before position_
  std::size_t next_cr_ = 0;
  std::string line_;            // start of a line whose end has not arrived
  bool line_in_input_ = false;  // the current line is inside the fed bytes
  bool line_done_ = false;      // line_ was returned and must be cleared
  bool skip_lf_ = false;        // the last line ended in CR; skip an LF directly after it
  bool at_start_ = true;

  std::string_view data_;  // data of the event so far: a view of the fed bytes or of data_buffer_
  std::string data_buffer_;
  bool data_in_input_ = false;
  bool has_data_ = false;
  bool unframed_ = false;
  std::optional<std::string_view> next_line_;  // line already taken, which belongs to the next event
  std::string type_;
  std::string id_;
  std::optional<std::int64_t> retry_ms_;
  bool dispatched_ = false;  // the event was returned; its fields are valid until the next call
  bool too_large_ = false;
};

}  // namespace aiw
