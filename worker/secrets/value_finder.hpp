// Finds any of many values in a text, in time linear in the text (Aho and Corasick, "Efficient string matching", CACM
// 18 (1975)).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace aiw {

class ValueFinder {
 public:
  // `values` must not contain an empty value. Takes about 24 bytes of memory per byte of `values`, and 1 KiB per node
  // with a table.
  template <class Values>
  explicit ValueFinder(const Values& values) {
    for (const auto& value : values) add(value);
    add_tables();
    link();
  }

  // Calls `found(begin, end)` for the longest value that ends at each position, from left to right. Returns the length
  // of the longest suffix of `text` that is a prefix of some value.
  template <class Found>
  std::size_t find(std::string_view text, Found&& found) const {
    std::uint32_t at = kRoot;
    for (std::size_t i = 0; i < text.size(); ++i) {
      at = step(at, static_cast<unsigned char>(text[i]));
      if (nodes_[at].longest > 0) found(i + 1 - nodes_[at].longest, i + 1);
    }
    return nodes_[at].depth;
  }

 private:
  static constexpr std::uint32_t kRoot = 0;
  struct Node {
    std::uint32_t first_child = 0;
    std::uint32_t sibling = 0;
    std::uint32_t fallback = kRoot;  // node of the longest proper suffix that is a prefix of some value
    std::uint32_t longest = 0;       // length of the longest value that ends at this node; 0: none
    std::uint32_t depth = 0;
    std::uint32_t table = 0;  // 1 + index of its table; 0: its children are few, and only a list
    unsigned char byte = 0;
  };
  using Table = std::array<std::uint32_t, 256>;  // children by byte; 0: none

  void add(std::string_view value);
  void add_tables();
  void link();
  [[nodiscard]] std::uint32_t child(std::uint32_t node, unsigned char byte) const {
    if (nodes_[node].table > 0) return tables_[nodes_[node].table - 1][byte];
    std::uint32_t next = nodes_[node].first_child;
    while (next != 0 && nodes_[next].byte != byte) next = nodes_[next].sibling;
    return next;
  }
  [[nodiscard]] std::uint32_t step(std::uint32_t node, unsigned char byte) const {
    std::uint32_t next = child(node, byte);
    while (next == 0 && node != kRoot) {
      node = nodes_[node].fallback;
      next = child(node, byte);
    }
    return next;
  }

  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::vector<Table> tables_;  // of the root and of nodes with many children
};

}  // namespace aiw
