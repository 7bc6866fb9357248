// A request body as a list of byte ranges: short ranges are copied, long ones referenced. The bytes of a conversation
// go from the request line to the socket without being rebuilt.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aiw {

// Movable, not copyable. Text passed to `splice` must outlive the rope.
class Rope {
 public:
  Rope() = default;
  Rope(Rope&& other) noexcept { *this = std::move(other); }
  Rope& operator=(Rope&& other) noexcept;
  Rope(const Rope&) = delete;
  Rope& operator=(const Rope&) = delete;
  ~Rope() = default;

  // Appends a copy of `text`.
  void append(std::string_view text) {
    if (text.size() > static_cast<std::size_t>(end_ - at_)) return append_to_blocks(text);
    at_ = std::copy(text.begin(), text.end(), at_);
  }
  void push_back(char c) { append({&c, 1}); }
  // Appends a reference to `text` if it is long enough, otherwise a copy.
  void splice(std::string_view text);
  // Appends a reference to all of `other` and keeps it alive. `other` must not share another rope.
  void share(std::shared_ptr<const Rope> other);

  [[nodiscard]] std::size_t size() const { return size_ + static_cast<std::size_t>(at_ - open_); }
  // Copies up to `capacity` bytes from `offset` on to `out`. Returns the number of bytes; 0 at the end. Continuing
  // where the last call stopped needs no search. A smaller offset searches from the start.
  std::size_t read(std::size_t offset, char* out, std::size_t capacity);
  // Returns the whole text in consecutive pieces, valid until the next change.
  [[nodiscard]] std::vector<std::string_view> pieces() const;
  // Returns the whole text as one string.
  [[nodiscard]] std::string str() const;

 private:
  // Kept small, because a conversation of short messages has many segments. If data() is nullptr, the segment is
  // shared_[size()].
  using Segment = std::string_view;

  void append_to_blocks(std::string_view text);
  void add_block(std::size_t at_least);
  // Makes the copied bytes since `open_` a segment.
  void close_segment();
  [[nodiscard]] std::size_t segment_count() const { return segments_.size() + (at_ == open_ ? 0 : 1); }
  [[nodiscard]] Segment segment(std::size_t index) const {
    return index < segments_.size() ? segments_[index] : Segment(open_, static_cast<std::size_t>(at_ - open_));
  }
  [[nodiscard]] const Rope* shared(std::size_t index) const;
  // The `inner`th piece of a segment.
  [[nodiscard]] std::string_view piece(std::size_t index, std::size_t inner) const;
  [[nodiscard]] std::size_t pieces_of(std::size_t index) const;

  std::vector<Segment> segments_;
  std::vector<std::unique_ptr<char[]>> blocks_;  // blocks of copied text; never moved
  std::vector<std::shared_ptr<const Rope>> shared_;
  char* open_ = nullptr;  // copied bytes from here to at_ are no segment yet, but the last of the rope
  char* at_ = nullptr;    // where the last block goes on
  char* end_ = nullptr;
  std::size_t size_ = 0;            // of the segments
  std::size_t cursor_segment_ = 0;  // where the next read most likely starts
  std::size_t cursor_inner_ = 0;
  std::size_t cursor_offset_ = 0;  // offset of that piece's first byte
};

}  // namespace aiw
