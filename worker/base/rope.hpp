// A request body as a list of byte ranges: short ones copied, long ones only referred to, so that a conversation's
// bytes travel from the request line to the socket without being rebuilt.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aiw {

// Movable, not copyable. What `splice` refers to must outlive the rope.
class Rope {
 public:
  Rope() = default;
  Rope(Rope&& other) noexcept { *this = std::move(other); }
  Rope& operator=(Rope&& other) noexcept;
  Rope(const Rope&) = delete;
  Rope& operator=(const Rope&) = delete;
  ~Rope() = default;

  // Copies `text` to the end.
  void append(std::string_view text) {
    if (text.size() > static_cast<std::size_t>(end_ - at_)) return append_to_blocks(text);
    at_ = std::copy(text.begin(), text.end(), at_);
  }
  void push_back(char c) { append({&c, 1}); }
  // Refers to `text` if it is long enough to be worth it, else copies it.
  void splice(std::string_view text);
  // Refers to all of `other`, which shares no rope itself, and keeps it alive.
  void share(std::shared_ptr<const Rope> other);

  [[nodiscard]] std::size_t size() const { return size_ + static_cast<std::size_t>(at_ - open_); }
  // Copies up to `capacity` bytes that start at `offset` to `out`; returns how many; 0 at the end. Reading on from
  // where the last call stopped costs nothing extra; any other offset searches from the start.
  std::size_t read(std::size_t offset, char* out, std::size_t capacity);
  // The whole in consecutive pieces, valid until the next change.
  [[nodiscard]] std::vector<std::string_view> pieces() const;
  // The whole as one string.
  [[nodiscard]] std::string str() const;

 private:
  // Of a conversation of short messages there are many. data(): nullptr for shared_[size()].
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
  std::vector<std::unique_ptr<char[]>> blocks_;  // of what was copied; never moved
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
