// Finds the elements of one JSON array that comes in pieces, as Gemini streams without server-sent events.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace aiw::google {

// Usage: call feed(bytes), then next(element) until it returns false. Follows only brackets and strings, so the caller
// must parse an element to validate it. Time is linear in the bytes. Holds at most one element. An element that lies
// within the fed bytes is returned without a copy.
class JsonArraySplitter {
 public:
  explicit JsonArraySplitter(std::size_t max_element_bytes) : max_element_bytes_(max_element_bytes) {}

  // `bytes` must stay valid until next() has returned false.
  void feed(std::string_view bytes) {
    input_ = bytes;
    position_ = 0;
  }
  // Returns the next element; its view is valid until the next call of any member.
  bool next(std::string_view& element);
  [[nodiscard]] bool closed() const { return state_ == State::closed; }
  // True if the text is not an array of objects. No more elements follow.
  [[nodiscard]] bool broken() const { return state_ == State::broken; }
  [[nodiscard]] bool too_large() const { return too_large_; }

 private:
  enum class State { before, between, inside, closed, broken };
  void between(char c);
  bool inside(std::string_view& element);

  const std::size_t max_element_bytes_;
  std::string_view input_;
  std::size_t position_ = 0;
  State state_ = State::before;
  bool separated_ = true;  // an element may come: the array just began, or a comma came
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  std::string kept_;  // the start of an element from earlier bytes
  bool handed_out_ = false;
  bool too_large_ = false;
};

}  // namespace aiw::google
