// A request body as a list of byte ranges: short ones copied, long ones only referred to, so that a conversation's
// bytes travel from the request line to the socket without being rebuilt.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace aiw {

// Movable, not copyable. What `splice` refers to must outlive the rope.
class Rope {
 public:
  Rope() = default;
  Rope(Rope&&) = default;
  Rope& operator=(Rope&&) = default;
  Rope(const Rope&) = delete;
  Rope& operator=(const Rope&) = delete;
  ~Rope() = default;

  // Copies `text` to the end.
  void append(std::string_view text);
  // Refers to `text` if it is long enough to be worth it, else copies it.
  void splice(std::string_view text);

  [[nodiscard]] std::size_t size() const { return size_; }
  // Copies up to `capacity` bytes that start at `offset` to `out`; returns how many; 0 at the end. Reading on from
  // where the last call stopped costs nothing extra; any other offset searches from the start.
  std::size_t read(std::size_t offset, char* out, std::size_t capacity);
  // The whole in consecutive pieces, valid until the next change.
  [[nodiscard]] std::vector<std::string_view> pieces() const;
  // The whole as one string.
  [[nodiscard]] std::string str() const;

 private:
  struct Segment {
    std::string_view view;  // empty data(): the next `length` bytes of owned_
    std::size_t owned_at = 0;
    std::size_t length = 0;
  };
  [[nodiscard]] std::string_view bytes(const Segment& segment) const;

  std::vector<Segment> segments_;
  std::string owned_;
  std::size_t size_ = 0;
  std::size_t cursor_segment_ = 0;  // where the next read most likely starts
  std::size_t cursor_offset_ = 0;   // offset of that segment's first byte
};

}  // namespace aiw
