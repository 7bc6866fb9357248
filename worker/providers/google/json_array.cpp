#include "worker/providers/google/json_array.hpp"

#include <algorithm>
#include <utility>

namespace aiw::google {

bool JsonArraySplitter::next(std::string_view& element) {
  if (std::exchange(handed_out_, false)) std::string().swap(kept_);
  while (position_ < input_.size() && !too_large_) {
    if (state_ == State::closed || state_ == State::broken) return false;
    if (state_ == State::inside) {
      if (inside(element)) return true;
    } else {
      between(input_[position_]);
    }
  }
  return false;
}

void JsonArraySplitter::between(char c) {
  const bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
  if (c == '{' && state_ == State::between && separated_) {
    state_ = State::inside;  // the element begins with this bracket
    separated_ = false;
    return;
  }
  ++position_;
  if (blank) return;
  if (c == '[' && state_ == State::before) {
    state_ = State::between;
  } else if (c == ',' && state_ == State::between && !separated_) {
    separated_ = true;
  } else {
    state_ = c == ']' && state_ == State::between ? State::closed : State::broken;
  }
}

bool JsonArraySplitter::inside(std::string_view& element) {
  const std::size_t begin = position_;
  for (; position_ < input_.size(); ++position_) {
    const char c = input_[position_];
    if (in_string_) {
      if (std::exchange(escaped_, false)) continue;
      if (c == '\\') escaped_ = true;
      if (c == '"') in_string_ = false;
      continue;
    }
    if (c == '"') in_string_ = true;
    if (c == '{' || c == '[') ++depth_;
    if ((c != '}' && c != ']') || --depth_ > 0) continue;
    ++position_;
    state_ = State::between;
    break;
  }
  const auto piece = input_.substr(begin, position_ - begin);
  too_large_ = kept_.size() + piece.size() > max_element_bytes_;
  if (too_large_) return false;
  if (state_ == State::inside || !kept_.empty()) kept_ += piece;
  if (state_ == State::inside) return false;
  element = kept_.empty() ? piece : std::string_view(kept_);
  handed_out_ = true;
  return true;
}

}  // namespace aiw::google
