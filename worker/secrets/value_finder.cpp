#include "worker/secrets/value_finder.hpp"

namespace aiw {

void ValueFinder::add(std::string_view value) {
  std::uint32_t at = kRoot;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    std::uint32_t next = child(at, byte);
    if (next == 0) {
      next = static_cast<std::uint32_t>(nodes_.size());
      nodes_.push_back({.sibling = nodes_[at].first_child, .depth = nodes_[at].depth + 1, .byte = byte});
      nodes_[at].first_child = next;
    }
    at = next;
  }
  nodes_[at].longest = nodes_[at].depth;
}

// Gives a table to the root, where most searches begin, and to nodes whose list would take long to search.
void ValueFinder::add_tables() {
  constexpr int kLongestList = 16;
  for (std::uint32_t node = kRoot; node < nodes_.size(); ++node) {
    int children = 0;
    for (auto next = nodes_[node].first_child; next != 0; next = nodes_[next].sibling) ++children;
    if (node != kRoot && children <= kLongestList) continue;
    Table& table = tables_.emplace_back();
    for (auto next = nodes_[node].first_child; next != 0; next = nodes_[next].sibling) table[nodes_[next].byte] = next;
    nodes_[node].table = static_cast<std::uint32_t>(tables_.size());
  }
}

// Sets the fallbacks breadth first, because a fallback is shorter than its node and must be known first.
void ValueFinder::link() {
  std::vector<std::uint32_t> queue = {kRoot};
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const std::uint32_t parent = queue[i];
    for (std::uint32_t node = nodes_[parent].first_child; node != 0; node = nodes_[node].sibling) {
      if (parent != kRoot) nodes_[node].fallback = step(nodes_[parent].fallback, nodes_[node].byte);
      if (nodes_[node].longest == 0) nodes_[node].longest = nodes_[nodes_[node].fallback].longest;
      queue.push_back(node);
    }
  }
}

}  // namespace aiw
